package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A Server is an emulator on real listeners: API, OAuth, uploader, downloader
// and storage each have an address of their own, like the hosts of the service.
type Server struct {
	*Emulator
	URL      string // of the API, http://127.0.0.1:PORT; clients append /v1/disk
	OAuthURL string // of the OAuth server
	Token    string // an access token that is accepted
}

// Start makes an emulator and serves it on 127.0.0.1, or with the API at
// o.Addr. It returns when all listeners accept connections.
func Start(o Options) (*Server, error) {
	e := New(o)
	s := &Server{Emulator: e, Token: e.oauth.token}
	listeners := make(map[role]net.Listener)
	fail := func(err error) (*Server, error) {
		for _, l := range listeners {
			l.Close()
		}
		return nil, errors.Join(fmt.Errorf("start emulator: %w", err), e.Close())
	}
	scheme := "http://"
	if o.TLS {
		scheme = "https://"
		if err := e.authority.make(); err != nil {
			return fail(err)
		}
	}
	bases := make(map[role]string)
	for _, role := range []role{roleAPI, roleOAuth, roleUploader, roleDownloader, roleStorage} {
		addr := "127.0.0.1:0"
		if role == roleAPI && o.Addr != "" {
			addr = o.Addr
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fail(err)
		}
		listeners[role] = l
		bases[role] = scheme + l.Addr().String()
	}
	e.bases, s.URL, s.OAuthURL = bases, bases[roleAPI], bases[roleOAuth]
	for role, l := range listeners {
		e.run(l, func(w http.ResponseWriter, r *http.Request) { e.serve(role, w, r) }, o.TLS)
	}
	return s, nil
}

// run serves h on l until Close.
func (e *Emulator) run(l net.Listener, h http.HandlerFunc, secure bool) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	if secure {
		server.TLSConfig = e.authority.config()
	}
	e.mu.Lock()
	e.servers = append(e.servers, server)
	e.mu.Unlock()
	e.serving.Go(func() {
		serve := server.Serve
		if secure {
			serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
		}
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.log.Error("emulator", "error", err)
		}
	})
}

// Close stops serving, cancels background work, waits for it and for requests
// in flight, and removes stored content. Later requests get 503.
func (e *Emulator) Close() error {
	e.mu.Lock()
	e.closed = true
	servers := e.servers
	e.mu.Unlock()
	e.stopAll()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	for _, server := range servers {
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}
	e.serving.Wait()
	e.work.Wait()
	return e.contents.close()
}
