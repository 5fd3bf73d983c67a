package cmd

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// midway starts a server with one request in the middle of its handler.
func midway(t *testing.T, method string) (server *http.Server, w *writers, finish chan struct{}, answer chan error) {
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
		case <-req.Context().Done():
		}
		io.WriteString(w, "done")
	})}
	server = &http.Server{Handler: w}
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
			}
		}
		answer <- err
	}()
	<-begun
	return server, w, finish, answer
}

func TestWhoWritesIsCounted(t *testing.T) {
	for _, method := range []string{"PUT", "DELETE", "MOVE", "COPY", "MKCOL", "PROPPATCH", "LOCK", "UNLOCK"} {
		_, w, finish, answer := midway(t, method)
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

func TestWhoWritesIsWaitedForWithoutEnd(t *testing.T) {
	server, w, finish, answer := midway(t, "PUT")
	ended := make(chan error, 1)
	// The grace is also what the response has when the handler has returned.
	const grace = time.Second
	go func() { ended <- shutdown(server, w, grace) }()
	// A shutdown that did not wait would cut the request in this time.
	select {
	case err := <-ended:
		t.Errorf("it ended with %v", err)
	case err := <-answer:
		t.Fatalf("the request ended with %v", err)
	case <-time.After(2 * grace):
	}
	close(finish)
	if err := <-answer; err != nil {
		t.Errorf("the request was answered %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestWhoReadsIsCutAfterTheGrace(t *testing.T) {
	server, w, _, answer := midway(t, "GET")
	if err := shutdown(server, w, time.Millisecond); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-answer; err == nil {
		t.Error("the request was answered as if all were well")
	}
}
