package cmd

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// midway starts a server with one request in the middle of its handler.
func midway(t *testing.T, method string) (server *http.Server, w *writers, cancel func(), finish chan struct{}, answer chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	finish, answer = make(chan struct{}), make(chan error, 1)
	w = &writers{next: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		close(begun)
		select {
		case <-finish:
			io.WriteString(w, "done")
		case <-req.Context().Done():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	requests, cancel := context.WithCancel(t.Context())
	server = &http.Server{Handler: w, BaseContext: func(net.Listener) context.Context { return requests }}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-served })
	go func() {
		req, err := http.NewRequest(method, "http://"+l.Addr().String(), nil)
		if err == nil {
			var res *http.Response
			if res, err = http.DefaultClient.Do(req); err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != http.StatusOK {
					err = errors.New(res.Status)
				}
			}
		}
		answer <- err
	}()
	<-begun
	return server, w, cancel, finish, answer
}

func TestWhoWritesIsCounted(t *testing.T) {
	for _, method := range []string{"PUT", "DELETE", "MOVE", "COPY", "MKCOL", "PROPPATCH", "LOCK", "UNLOCK"} {
		_, w, _, finish, answer := midway(t, method)
		done := w.done()
		select {
		case <-done:
			t.Errorf("%s is under way and nobody writes", method)
		default:
		}
		close(finish)
		if err := <-answer; err != nil {
			t.Errorf("%s was answered %v", method, err)
		}
		<-done
	}
}

// TestWhoWritesIsWaitedFor: the grace of those that read, in which the response is
// sent too, begins when nobody writes any more.
func TestWhoWritesIsWaitedFor(t *testing.T) {
	server, w, cancel, finish, answer := midway(t, "PUT")
	ended, early := make(chan error, 1), make(chan struct{})
	never := func(time.Duration) <-chan time.Time {
		if w.underway() != 0 {
			close(early)
		}
		return nil
	}
	go func() { ended <- shutdownAfter(server, w, cancel, graces{time.Hour, time.Hour}, never) }()
	for waits := false; !waits; {
		select {
		case err := <-ended:
			t.Fatalf("it ended with %v", err)
		case err := <-answer:
			t.Fatalf("the request ended with %v", err)
		case <-early:
			t.Fatal("it does not wait for those that write")
		case <-time.After(time.Millisecond):
			w.mu.Lock()
			waits = w.idle != nil
			w.mu.Unlock()
		}
	}
	close(finish)
	if err := <-answer; err != nil {
		t.Errorf("the request was answered %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestWhoWritesIsCutAfterTheGrace(t *testing.T) {
	server, w, cancel, _, answer := midway(t, "PUT")
	if err := shutdown(server, w, cancel, graces{time.Hour, time.Millisecond}); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-answer; err == nil {
		t.Error("the request was answered as if all were well")
	}
	if n := w.underway(); n != 0 {
		t.Errorf("%d changes are under way", n)
	}
}

func TestWhoReadsIsCutAfterTheGrace(t *testing.T) {
	server, w, cancel, _, answer := midway(t, "GET")
	if err := shutdown(server, w, cancel, graces{time.Millisecond, time.Hour}); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-answer; err == nil {
		t.Error("the request was answered as if all were well")
	}
}
