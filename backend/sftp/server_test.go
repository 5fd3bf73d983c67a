package sftp

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/davdisk/davdisk/backend/backendtest"
)

// server is an SSH server in this process, for what a real one is too polite to
// do. It serves the files of this machine unless serve says otherwise.
type server struct {
	tb      testing.TB
	config  ssh.ServerConfig
	serve   func(io.ReadWriteCloser)
	host    ssh.PublicKey
	dir     string
	addr    *net.TCPAddr
	serving sync.WaitGroup
}

// newServer starts a server that lets "me" in with the password "secret", and is
// changed before.
func newServer(tb testing.TB, change ...func(*server)) *server {
	tb.Helper()
	s := &server{tb: tb, dir: tb.TempDir()}
	s.config.KeyExchanges = []string{ssh.KeyExchangeCurve25519} // the quickest
	s.config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() == "me" && string(password) == "secret" {
			return nil, nil
		}
		return nil, errors.New("wrong")
	}
	s.serve = func(channel io.ReadWriteCloser) {
		if files, err := sftp.NewServer(channel); err == nil {
			_ = files.Serve()
		}
	}
	text, host := newKey(tb)
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		tb.Fatal(err)
	}
	s.config.AddHostKey(signer)
	s.host = host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.addr = l.Addr().(*net.TCPAddr)
	s.know(host)
	for _, change := range change {
		change(s)
	}
	s.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() { s.accept(c) })
		}
	})
	tb.Cleanup(func() {
		l.Close()
		s.serving.Wait()
	})
	return s
}

// know writes the known_hosts file.
func (s *server) know(keys ...ssh.PublicKey) {
	s.tb.Helper()
	var lines string
	for _, key := range keys {
		lines += knownhosts.Line([]string{s.addr.String()}, key) + "\n"
	}
	if err := os.WriteFile(filepath.Join(s.dir, "known_hosts"), []byte(lines), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *server) accept(c net.Conn) {
	defer c.Close()
	conn, channels, requests, err := ssh.NewServerConn(c, &s.config)
	if err != nil {
		return
	}
	defer conn.Close()
	s.serving.Go(func() { ssh.DiscardRequests(requests) })
	for wanted := range channels {
		channel, requests, err := wanted.Accept()
		if err != nil {
			return
		}
		s.serving.Go(func() {
			for r := range requests {
				known := s.serve != nil && r.Type == "subsystem"
				r.Reply(known, nil)
				if known {
					s.serving.Go(func() {
						defer channel.Close()
						s.serve(channel)
					})
				}
			}
		})
	}
}

// options are those of a store in a folder of this machine.
func (s *server) options(root string) Options {
	return Options{
		Host: "127.0.0.1", Port: s.addr.Port, User: "me", Password: "secret", Folder: root,
		KnownHosts: filepath.Join(s.dir, "known_hosts"), home: s.dir,
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// newKey returns a private key as a file holds it.
func newKey(tb testing.TB) ([]byte, ssh.PublicKey) {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		tb.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(block), key
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
