package api

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// TestNothingIsWritten: a change of which no byte was sent can have no effect, whatever
// is in the way: a login page's certificate, a proxy that is down, a server that hangs up.
func TestNothingIsWritten(t *testing.T) {
	portal := httptest.NewTLSServer(http.NotFoundHandler())
	defer portal.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	cuts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}))
	defer cuts.Close()
	for name, test := range map[string]struct {
		at, proxy string
		want      error
	}{
		"a certificate of another":    {portal.URL, "", backend.ErrUnavailable},
		"no TLS":                      {"https://" + plain.Listener.Addr().String(), "", backend.ErrUnavailable},
		"a proxy that is not there":   {"https://cloud-api.yandex.net", "http://" + gone.Addr().String(), backend.ErrUnavailable},
		"a proxy that lets nobody":    {"https://cloud-api.yandex.net", plain.URL, backend.ErrUnavailable},
		"nobody":                      {"http://" + gone.Addr().String(), "", backend.ErrUnavailable},
		"cut off when it was written": {cuts.URL, "", backend.ErrUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			opts := withDefaults(Options{Rate: -1})
			transport := &http.Transport{}
			if test.proxy != "" {
				at, err := url.Parse(test.proxy)
				if err != nil {
					t.Fatal(err)
				}
				transport.Proxy = http.ProxyURL(at)
			}
			defer transport.CloseIdleConnections()
			opts.URL, opts.Transport, opts.Rand = test.at, transport, func() float64 { return 0 }
			opts.RetryWait = time.Nanosecond
			c, err := New(opts)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Do(context.Background(), Request{Call: MoveResource, Out: &Link{}}); kind(err) != test.want {
				t.Errorf("it answered %v, want %v", err, test.want)
			}
		})
	}
}
