package sftp

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/internal/testwait"
)

// sshd is a real OpenSSH server on this machine, with keys of its own.
type sshd struct {
	tb      testing.TB
	dir     string
	program string
	port    int
	log     bytes.Buffer
	command *exec.Cmd
}

// newSSHD starts a server, which stops with the test.
func newSSHD(tb testing.TB) *sshd {
	tb.Helper()
	s := &sshd{tb: tb, dir: tb.TempDir(), program: testtool.Find(tb, "sshd"), port: freePort(tb)}
	host, key := s.newKey("host"), s.newKey("key")
	s.write("authorized_keys", ssh.MarshalAuthorizedKey(key))
	s.write("known_hosts", []byte(knownhosts.Line([]string{s.address()}, host)+"\n"))
	s.write("config", fmt.Appendf(nil, `ListenAddress 127.0.0.1:%d
HostKey %s
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile %s
MaxStartups 100
Subsystem sftp internal-sftp
`, s.port, s.file("host"), s.file("authorized_keys")))
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // which only an init system makes
			tb.Fatal(err)
		}
	}
	s.start()
	tb.Cleanup(s.kill)
	return s
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

func (s *sshd) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *sshd) file(name string) string { return filepath.Join(s.dir, name) }

func (s *sshd) write(name string, content []byte) {
	s.tb.Helper()
	if err := os.WriteFile(s.file(name), content, 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

// newKey writes a private key, and returns the public one.
func (s *sshd) newKey(name string) ssh.PublicKey {
	s.tb.Helper()
	text, public := newKey(s.tb, "")
	s.write(name, text)
	return public
}

// newKey returns a private key as a file holds it.
func newKey(tb testing.TB, passphrase string) ([]byte, ssh.PublicKey) {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		tb.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(block), key
}

func (s *sshd) start() {
	s.tb.Helper()
	s.command = exec.Command(s.program, "-D", "-e", "-f", s.file("config"))
	s.command.Stderr = &s.log
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.command.Start(); err != nil {
		s.tb.Fatal(err)
	}
	for end := time.Now().Add(testwait.Limit(s.tb)); ; {
		c, err := net.Dial("tcp", s.address())
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			s.tb.Fatalf("sshd does not start: %v\n%s", err, s.log.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// kill kills the server and all that it has started.
func (s *sshd) kill() {
	if s.command == nil {
		return
	}
	syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL)
	s.command.Wait()
	s.command = nil
}

// options are those of a store in a folder of this machine.
func (s *sshd) options(root string) Options {
	u, err := user.Current()
	if err != nil {
		s.tb.Fatal(err)
	}
	return Options{
		Host: "127.0.0.1", Port: s.port, User: u.Username, Folder: root,
		KeyFile: s.file("key"), KnownHosts: s.file("known_hosts"), home: s.dir,
	}
}

// open opens a store, which is closed with the test.
func (s *sshd) open(tb backendtest.TB, root string) *Backend {
	tb.Helper()
	return mustOpen(tb, s.options(root))
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
