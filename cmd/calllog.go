package cmd

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// callLog logs the calls to a service, for -vv. An address can be a secret: of
// the query only the name of a file is shown, and of an address that was signed
// for a transfer only the host.
type callLog struct {
	next http.RoundTripper
	log  *slog.Logger
}

func (t callLog) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.next.RoundTrip(req)
	fields := []any{"method", req.Method, "host", req.URL.Host}
	if strings.HasPrefix(req.URL.Path, "/v1/") || req.URL.Path == "/token" || strings.HasPrefix(req.URL.Path, "/device/") {
		fields = append(fields, "path", req.URL.Path)
		if name := req.URL.Query().Get("path"); name != "" {
			fields = append(fields, "name", name)
		}
	}
	if err == nil {
		fields = append(fields, "status", resp.StatusCode)
	} else {
		fields = append(fields, "failed", true) // the error may hold the address
	}
	t.log.Debug("call", append(fields, "took", time.Since(began).Round(time.Millisecond))...)
	return resp, err
}
