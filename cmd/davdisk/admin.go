package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/davdisk/davdisk/webdav"
)

// An admin is the server on --admin-addr. It asks for no password, so it
// belongs on an address that only those reach who watch the process.
type admin struct {
	*webdav.Admin
	server  *http.Server
	serving sync.WaitGroup
	addr    net.Addr
}

// startAdmin listens on addr.
func startAdmin(ctx context.Context, addr string) (*admin, error) {
	l, err := listen(ctx, addr, false, true)
	if err != nil {
		return nil, err
	}
	handler := webdav.NewAdmin(nil)
	a := &admin{Admin: handler, addr: l.Addr(), server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}}
	a.serving.Go(func() { _ = a.server.Serve(l) }) // ends by Close
	return a, nil
}

// Close ends the server.
func (a *admin) Close() error {
	err := a.server.Close()
	a.serving.Wait()
	return err
}
