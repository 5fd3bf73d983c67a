package cmd

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// listen opens the address for a server. One that others can reach needs
// somebody to ask for a password, unless insecure says that it is meant.
func listen(ctx context.Context, addr string, guarded, insecure bool) (net.Listener, error) {
	if file, isUnix := strings.CutPrefix(addr, "unix:"); isUnix {
		return listenUnix(ctx, file)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if isTaken(err) {
		return nil, language.Errorf("listen on %s: another program has this address; name another with --addr, port 0 finds a free one", addr)
	}
	var dns *net.DNSError
	var wrong *net.AddrError
	if errors.As(err, &dns) || errors.As(err, &wrong) {
		return nil, misuse("listen on %q: %v; write HOST:PORT, such as 127.0.0.1:8080", addr, err)
	}
	if err != nil {
		return nil, language.Errorf("listen on %s: %w", addr, err)
	}
	return guard(l, guarded, insecure)
}

// guard closes a listener that others can reach if nobody would ask them for a
// password.
func guard(l net.Listener, guarded, insecure bool) (net.Listener, error) {
	bound, ok := l.Addr().(*net.TCPAddr)
	if !ok || bound.IP.IsLoopback() || guarded || insecure {
		return l, nil
	}
	l.Close()
	return nil, misuse("%s can be reached by others, and nobody would be asked for a password; use --user and --pass-file or --htpasswd, or say --insecure", bound)
}

// listenShare is listen for a share, which systemd may have opened the socket of
// already (see sd_listen_fds(3)): then addr does not matter.
func listenShare(ctx context.Context, addr string, guarded, insecure bool) (net.Listener, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return listen(ctx, addr, guarded, insecure)
	}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if len(files) > 1 {
		return nil, misuse("systemd hands over %d sockets; davdisk serves on one", len(files))
	}
	l, err := net.FileListener(files[0]) // of a copy of the descriptor
	if err != nil {
		return nil, language.Errorf("the socket that systemd hands over: %w", err)
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // its file is systemd's
		return localListener{l}, nil
	}
	return guard(l, guarded, insecure)
}

// listenUnix opens a Unix socket for its owner and group. It takes the place of
// one that a killed process has left.
func listenUnix(ctx context.Context, file string) (net.Listener, error) {
	if file == "" {
		return nil, misuse("listen on unix: write unix:/path/of/the/socket")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", file)
	if isTaken(err) && isDeadSocket(ctx, file) {
		if err := os.Remove(file); err != nil {
			return nil, language.Errorf("listen on unix:%s: %w", file, err)
		}
		l, err = new(net.ListenConfig).Listen(ctx, "unix", file)
	}
	if isTaken(err) {
		return nil, language.Errorf("listen on unix:%s: another program listens there, or it is not a socket; name another with --addr", file)
	}
	if err != nil {
		return nil, language.Errorf("listen on unix:%s: %w", file, err)
	}
	if err := os.Chmod(file, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return localListener{l}, nil
}

// isDeadSocket reports whether a file is a socket that nobody listens on.
func isDeadSocket(ctx context.Context, file string) bool {
	info, err := os.Lstat(file)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", file)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// A localListener says that its clients are on the loopback. Those of a Unix
// socket have no address, so that --trusted-proxy could not name a proxy in front,
// and all clients behind that would be throttled as one.
type localListener struct{ net.Listener }

func (l localListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return localConn{conn}, nil
}

type localConn struct{ net.Conn }

func (localConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// shareAddress is what a person types to reach a share on this machine.
func shareAddress(scheme string, addr net.Addr, base string) string {
	if addr.Network() == "unix" {
		return "unix:" + addr.String()
	}
	bound := addr.String()
	if host, port, err := net.SplitHostPort(bound); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
			bound = net.JoinHostPort("127.0.0.1", port)
		}
	}
	return strings.TrimSuffix(scheme+"://"+bound+path.Clean("/"+base), "/") + "/"
}
