package cmd

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	adminpages "github.com/davdisk/davdisk/cmd/internal/admin"
)

// An admin is the server on --admin-addr. It asks for no password, so it
// belongs on an address that only those reach who watch the process.
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
	a := &admin{Handler: handler, addr: l.Addr(), server: &http.Server{
		Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
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
