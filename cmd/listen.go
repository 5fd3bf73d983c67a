package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// listen opens the address for a server. One that others can reach needs
// somebody to ask for a password, unless insecure says that it is meant.
func listen(ctx context.Context, addr string, guarded, insecure bool) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if isTaken(err) {
		return nil, fmt.Errorf("listen on %s: another program has this address; name another with --addr, port 0 finds a free one", addr)
	}
	var dns *net.DNSError
	var wrong *net.AddrError
	if errors.As(err, &dns) || errors.As(err, &wrong) {
		return nil, misuse("listen on %q: %v; write HOST:PORT, such as 127.0.0.1:8080", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	bound, ok := l.Addr().(*net.TCPAddr)
	if !ok || bound.IP.IsLoopback() || guarded || insecure {
		return l, nil
	}
	l.Close()
	return nil, misuse("%s can be reached by others, and nobody would be asked for a password; use --user and --pass-file or --htpasswd, or say --insecure", addr)
}
