package server

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"
)

// TestRefusedUploadSeesItsAnswer sends bodies of any size to a handler that
// refuses them unread. The client must see why, and may use the connection
// again.
func TestRefusedUploadSeesItsAnswer(t *testing.T) {
	server := httptest.NewServer(drainBodies(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusLocked, "locked")
	})))
	defer server.Close()
	client := server.Client()
	client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	for _, size := range []int64{0, 1, 300 << 10, 32 << 20} {
		for _, kind := range []string{"length", "chunked", "expect"} {
			body := io.LimitReader(zeros{}, size)
			req, err := http.NewRequestWithContext(t.Context(), "PUT", server.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			if kind != "chunked" {
				req.ContentLength = size
			}
			if kind == "expect" {
				req.Header.Set("Expect", "100-continue")
			}
			res, err := client.Do(req)
			if err != nil {
				t.Errorf("%s, %d bytes: %v", kind, size, err)
				continue
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusLocked || !bytes.Contains(got, []byte("locked")) || err != nil {
				t.Errorf("%s, %d bytes: %s %q, %v", kind, size, res.Status, got, err)
			}
		}
	}
}

// TestReadBodyLeavesTheAnswerAlone shows that an upload which was read is
// answered as ever: with its length, on a connection that is used again.
func TestReadBodyLeavesTheAnswerAlone(t *testing.T) {
	server := httptest.NewServer(drainBodies(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, err := io.CopyN(io.Discard, req.Body, 1<<20); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
	})))
	defer server.Close()
	for i := range 3 {
		reused := false
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "PUT", server.URL, bytes.NewReader(make([]byte, 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusCreated || res.ContentLength != 0 || reused != (i > 0) {
			t.Errorf("request %d: %s, length %d, connection used again: %v", i, res.Status, res.ContentLength, reused)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
