// Package s3test runs versitygw, an S3 server on a folder of this machine.
package s3test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testport"
	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/internal/testwait"
)

// Version is that of versitygw.
const Version = "v1.8.0"

// AccessKey and SecretKey are those of the one login, Bucket is the one bucket.
const (
	AccessKey = "anna"
	SecretKey = "se-cret-se-cret"
	Bucket    = "bucket"
)

// binary builds versitygw once.
func binary(tb testing.TB) string {
	tb.Helper()
	return testtool.Build(tb, "versitygw", Version, func(dir string) *exec.Cmd {
		build := exec.Command("go", "install", "github.com/versity/versitygw/cmd/versitygw@"+Version)
		build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
		return build
	})
}

// A Server is versitygw with an empty bucket.
type Server struct {
	Address string // HOST:PORT
	Files   string // the folder with the objects of the bucket

	tb    testing.TB
	bin   string
	cmd   *exec.Cmd
	ended chan error
}

// Start starts a server, which is killed at the end of the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{tb: tb, bin: binary(tb), Files: filepath.Join(tb.TempDir(), Bucket)}
	if err := os.Mkdir(s.Files, 0o700); err != nil {
		tb.Fatal(err)
	}
	s.Address = testport.Addresses(tb, 1)[0]
	tb.Cleanup(s.Kill)
	s.Launch()
	return s
}

// Launch starts the server again after Kill, and waits until it listens.
func (s *Server) Launch() {
	s.tb.Helper()
	s.cmd = exec.Command(s.bin, "--port", s.Address, "--quiet", "posix", filepath.Dir(s.Files))
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	ended := make(chan error, 1)
	s.ended = ended
	go func(c *exec.Cmd) { ended <- c.Wait() }(s.cmd)
	for deadline := time.Now().Add(testwait.Limit(s.tb)); ; time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			s.tb.Fatalf("it has ended: %v", err)
		default:
		}
		c, err := net.Dial("tcp", s.Address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.tb.Fatalf("it does not listen: %v", err)
		}
	}
}

// Kill kills the server, if it runs.
func (s *Server) Kill() {
	s.tb.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		s.tb.Error(err)
	}
	<-s.ended
	s.cmd = nil
}
