package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestRefusedUploadSeesItsAnswer sends bodies of any size to a handler that
// refuses them unread. The client must see why, and may use the connection
// again.
func TestRefusedUploadSeesItsAnswer(t *testing.T) {
	server := httptest.NewServer(moveDeadlines(time.Minute, unreadBodies())(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusLocked, "locked")
	})))
	defer server.Close()
	client := server.Client()
	client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	for _, size := range []int64{0, 1, 300 << 10, 300 << 20} {
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

// TestRefusedUploadOfHTTP2IsReadOn: a stream that is reset when its answer is out
// makes curl lose the answer. So all of the body is read, more than net/http
// buffers, before the stream ends.
func TestRefusedUploadOfHTTP2IsReadOn(t *testing.T) {
	const size = 4 << 20
	limits := unreadBodies()
	limits.idle2 = limits.idle
	server := httptest.NewUnstartedServer(moveDeadlines(time.Minute, limits)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusUnauthorized, "who are you")
	})))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for _, field := range [][2]string{{":method", "PUT"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}, {"content-length", strconv.Itoa(size)}} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			t.Fatal(err)
		}
	}
	framer := http2.NewFramer(conn, conn)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(framer.WriteSettings(), framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true})); err != nil {
		t.Fatal(err)
	}
	// What may be sent, by the stream and by the connection.
	window, whole, sent, answer := int64(65535), int64(65535), 0, ""
	for {
		for n := 0; answer != "" && sent < size && min(window, whole) > 0; sent += n { // the answer came first
			n = int(min(window, whole, 16<<10, int64(size-sent)))
			if err := framer.WriteData(1, sent+n == size, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			window, whole = window-int64(n), whole-int64(n)
		}
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("after %d bytes and the answer %q: %v", sent, answer, err)
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
				window += int64(v) - 65535
			}
		case *http2.WindowUpdateFrame:
			if f.StreamID == 0 {
				whole += int64(f.Increment)
			} else {
				window += int64(f.Increment)
			}
		case *http2.DataFrame:
			answer += string(f.Data())
			if f.StreamEnded() && sent < size {
				t.Fatalf("the stream was ended after %d bytes", sent)
			}
			if f.StreamEnded() {
				if !strings.Contains(answer, "who are you") {
					t.Errorf("the answer is %q", answer)
				}
				return
			}
		case *http2.RSTStreamFrame:
			t.Fatalf("the stream was reset after %d bytes: %v", sent, f.ErrCode)
		}
	}
}

// TestReadBodyLeavesTheAnswerAlone shows that an upload which was read is
// answered as ever: with its length, on a connection that is used again.
func TestReadBodyLeavesTheAnswerAlone(t *testing.T) {
	server := httptest.NewServer(moveDeadlines(time.Minute, unreadBodies())(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
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
