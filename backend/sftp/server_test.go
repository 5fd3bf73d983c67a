package sftp

import (
	"testing"

	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/internal/sshtest"
)

// server is an SSH server in this process.
type server struct{ *sshtest.Server }

// newServer starts a server, which is changed before.
func newServer(tb testing.TB, change ...func(*sshtest.Server)) server {
	tb.Helper()
	return server{sshtest.Start(tb, change...)}
}

// options are those of a store in a folder of this machine.
func (s server) options(root string) Options {
	return Options{
		Host: "127.0.0.1", Port: s.Addr.Port, User: sshtest.User, Password: sshtest.Password, Folder: root,
		KnownHosts: s.KnownHosts(), home: s.Dir,
	}
}

func mustOpen(tb backendtest.TB, o Options) *Backend {
	tb.Helper()
	b, err := New(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}
