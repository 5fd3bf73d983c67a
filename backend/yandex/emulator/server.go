package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// A Server is an emulator on real listeners: API, OAuth, uploader, downloader
// and storage each have an address of their own, as the service has hosts.
type Server struct {
	*Emulator
	URL      string // of the API, http://127.0.0.1:PORT; clients append /v1/disk
	OAuthURL string // of the OAuth server
	Token    string // an access token that is accepted

	servers []*http.Server
	serving sync.WaitGroup
}

// Start makes an emulator and serves it on 127.0.0.1, or with the API at
// o.Addr. It returns when all listeners accept connections.
func Start(o Options) (*Server, error) {
	s := &Server{Emulator: New(o)}
	s.Token = s.oauth.token
	bases := make(map[role]string)
	listeners := make(map[role]net.Listener)
	fail := func(err error) (*Server, error) {
		for _, l := range listeners {
			l.Close()
		}
		return nil, errors.Join(fmt.Errorf("start emulator: %w", err), s.Emulator.Close())
	}
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
		bases[role] = "http://" + l.Addr().String()
		if o.TLS {
			bases[role] = "https://" + l.Addr().String()
		}
	}
	if o.TLS {
		if err := s.authority.make(s.now()); err != nil {
			return fail(err)
		}
	}
	s.bases = bases
	s.URL, s.OAuthURL = bases[roleAPI], bases[roleOAuth]
	for role, l := range listeners {
		s.run(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(role, w, r) }), o.TLS)
	}
	return s, nil
}

// run serves h on l until Close.
func (s *Server) run(l net.Listener, h http.Handler, secure bool) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		if secure {
			server.TLSConfig = s.authority.config()
			server.ServeTLS(l, "", "")
			return
		}
		server.Serve(l)
	})
}

// Close stops serving, cuts what is under way and removes kept content.
func (s *Server) Close() error {
	s.stopAll()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	for _, server := range s.servers {
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}
	s.serving.Wait()
	return s.Emulator.Close()
}
