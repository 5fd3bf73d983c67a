// Package sshtest has an SSH server in this process, for what a real one is too
// polite to do.
package sshtest

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
)

// User and Password are those of the one login.
const (
	User     = "me"
	Password = "secret"
)

// Server serves the files of this machine unless Serve says otherwise.
type Server struct {
	Config ssh.ServerConfig
	// Serve serves SFTP on a channel; nil: the server has no SFTP.
	Serve func(io.ReadWriteCloser)
	Host  ssh.PublicKey
	Dir   string // has what the server needs, and no file that it serves
	Addr  *net.TCPAddr

	tb      testing.TB
	serving sync.WaitGroup
}

// Start starts a server that is changed before, until the test ends.
func Start(tb testing.TB, change ...func(*Server)) *Server {
	tb.Helper()
	s := &Server{tb: tb, Dir: tb.TempDir()}
	s.Config.KeyExchanges = []string{ssh.KeyExchangeCurve25519} // the quickest
	s.Config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() == User && string(password) == Password {
			return nil, nil
		}
		return nil, errors.New("wrong")
	}
	s.Serve = func(channel io.ReadWriteCloser) {
		if files, err := sftp.NewServer(channel); err == nil {
			_ = files.Serve()
		}
	}
	text, host := NewKey(tb)
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		tb.Fatal(err)
	}
	s.Config.AddHostKey(signer)
	s.Host = host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Addr = l.Addr().(*net.TCPAddr)
	s.Know(host)
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

// Know writes the known_hosts file.
func (s *Server) Know(keys ...ssh.PublicKey) {
	s.tb.Helper()
	var lines string
	for _, key := range keys {
		lines += knownhosts.Line([]string{s.Addr.String()}, key) + "\n"
	}
	if err := os.WriteFile(s.KnownHosts(), []byte(lines), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

// KnownHosts is the file that Know writes, at the start with the key of the server.
func (s *Server) KnownHosts() string { return filepath.Join(s.Dir, "known_hosts") }

func (s *Server) accept(c net.Conn) {
	defer c.Close()
	conn, channels, requests, err := ssh.NewServerConn(c, &s.Config)
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
				known := s.Serve != nil && r.Type == "subsystem"
				r.Reply(known, nil)
				if known {
					s.serving.Go(func() {
						defer channel.Close()
						s.Serve(channel)
					})
				}
			}
		})
	}
}

// NewKey returns a private key as a file holds it.
func NewKey(tb testing.TB) ([]byte, ssh.PublicKey) {
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
