package httpclient

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestTransfersByHTTP1: a transport for transfers does not speak HTTP/2, be it made
// of one that has done so already, and leaves that one as it is.
func TestTransfersByHTTP1(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Protocol", r.Proto)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	base := s.Client().Transport
	transfers := Transfers(base)
	defer (&http.Client{Transport: transfers}).CloseIdleConnections()
	for _, test := range []struct {
		transport http.RoundTripper
		want      string
	}{{base, "HTTP/2.0"}, {transfers, "HTTP/1.1"}, {base, "HTTP/2.0"}} {
		resp, err := (&http.Client{Transport: test.transport}).Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Protocol"); got != test.want {
			t.Errorf("it speaks %s, want %s", got, test.want)
		}
	}
	other := roundTripper{}
	if got := Transfers(other); got != http.RoundTripper(other) {
		t.Errorf("a transport of another type became %T", got)
	}
}

type roundTripper struct{}

func (roundTripper) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, http.ErrNotSupported
}
