package cmd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	adminpages "github.com/davdisk/davdisk/cmd/internal/admin"
	"github.com/davdisk/davdisk/webdav/server"
)

// An admin is the server on --admin-addr. It asks for no password, so it
// belongs on an address that only those reach who watch the process; and it
// answers to that address, the name it was given as and the loopback alone, or a
// web page in the browser of one of those could read it under a name of its own.
type admin struct {
	*adminpages.Handler
	server  *http.Server
	serving sync.WaitGroup
	addr    net.Addr
}

// startAdmin listens on addr.
func startAdmin(ctx context.Context, addr string, log *slog.Logger) (*admin, error) {
	l, err := listen(ctx, addr, false, true)
	if err != nil {
		return nil, err
	}
	handler := adminpages.New(nil)
	guarded, err := server.New(handler, server.WithBoundAddr(addr), server.WithBoundAddr(l.Addr().String()), server.WithLogger(log))
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	a := &admin{Handler: handler, addr: l.Addr(), server: &http.Server{
		Handler: guarded, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
	a.serving.Go(func() { _ = a.server.Serve(l) }) // ends by Close
	return a, nil
}

// Close ends the server.
func (a *admin) Close() error {
	err := a.server.Close()
	a.serving.Wait()
	return err
}
