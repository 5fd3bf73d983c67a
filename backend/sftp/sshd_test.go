//go:build unix

package sftp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/internal/sshtest"
	"github.com/davdisk/davdisk/internal/testport"
	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/internal/testwait"
)

// sshd is a real OpenSSH server on this machine, with keys of its own.
type sshd struct {
	tb      testing.TB
	dir     string
	program string
	port    int
	command *exec.Cmd
	ended   chan error
}

// newSSHD starts a server, which stops with the test.
func newSSHD(tb testing.TB) *sshd {
	tb.Helper()
	s := &sshd{tb: tb, dir: tb.TempDir(), program: testtool.Find(tb, "sshd"), port: testport.Free(tb)}
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
KexAlgorithms curve25519-sha256
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
	text, public := sshtest.NewKey(s.tb)
	s.write(name, text)
	return public
}

func (s *sshd) start() {
	s.tb.Helper()
	s.command = exec.Command(s.program, "-D", "-E", s.file("log"), "-f", s.file("config"))
	if err := os.Remove(s.file("log")); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.tb.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		s.tb.Fatal(err)
	}
	ended := make(chan error, 1)
	s.ended = ended
	go func(c *exec.Cmd) { ended <- c.Wait() }(s.command)
	for end := time.Now().Add(testwait.Limit(s.tb)); ; {
		log, _ := os.ReadFile(s.file("log"))
		if strings.Contains(string(log), "Server listening") { // before, another may answer there
			return
		}
		select {
		case err := <-ended:
			ended <- err
			s.tb.Fatalf("sshd has ended: %v\n%s", err, log)
		default:
		}
		if time.Now().After(end) {
			s.tb.Fatalf("sshd does not start:\n%s", log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// kill kills the server and all that it has started.
func (s *sshd) kill() {
	if s.command == nil {
		return
	}
	killTree(s.command.Process.Pid)
	<-s.ended
	s.command = nil
}

// killTree kills a process and its descendants, which sshd puts into sessions of
// their own.
func killTree(pid int) {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for child := range strings.FieldsSeq(string(children)) {
		if child, err := strconv.Atoi(child); err == nil {
			killTree(child)
		}
	}
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

// TestContract shows that a store on Debian's sshd is what package backend asks
// for.
func TestContract(t *testing.T) {
	s := newSSHD(t)
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend { return s.open(tb, tb.TempDir()) },
		backendtest.Unseen("NoConditionalPut", "the conditions are checked again just before the renaming"))
}

// TestKilledServer kills sshd while it receives a file, at a few places: the old
// content is there or the new one, whole, and a server that comes back is used.
func TestKilledServer(t *testing.T) {
	s, dir := newSSHD(t), t.TempDir()
	oldText, newText := strings.Repeat("old", 10_000), strings.Repeat("new!", 500_000)
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(oldText), 0o600); err != nil {
		t.Fatal(err)
	}
	b := s.open(t, dir)
	for _, at := range []int{1, 300_000, len(newText) - 1, len(newText)} {
		body := &watched{Reader: strings.NewReader(newText), at: at, do: s.kill}
		_, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: int64(len(newText))})
		s.kill()
		text, readErr := os.ReadFile(filepath.Join(dir, "f"))
		if readErr != nil || string(text) != oldText && string(text) != newText || err == nil && string(text) != newText {
			t.Errorf("killed at byte %d: %v, and there are %d bytes, %v", at, err, len(text), readErr)
		}
		if err == nil {
			t.Errorf("killed at byte %d it was stored on a server that is gone", at)
		}
		if _, err := b.Stat(t.Context(), "f"); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("while the server is gone: %v", err)
		}
		s.start()
		if info, err := b.Stat(t.Context(), "f"); err != nil || info.Size != int64(len(text)) {
			t.Errorf("of a server that is back: %+v, %v", info, err)
		}
	}
	if _, err := b.Put(t.Context(), "f", strings.NewReader(newText), backend.PutOptions{Size: -1}); err != nil {
		t.Errorf("put on a server that is back: %v", err)
	}
}

// TestAnUploadOfAnotherDavdiskIsNotSwept: its temporary file has the time of its
// content, which may be years ago, and was touched just now.
func TestAnUploadOfAnotherDavdiskIsNotSwept(t *testing.T) {
	s, dir := newSSHD(t), t.TempDir()
	b, other := s.open(t, dir), s.open(t, dir)
	underWay(t, b, dir, func(temp string) {
		list(t, other, ".")
		if _, err := os.Stat(temp); err != nil {
			t.Errorf("after a listing: %v", err)
		}
	})
}
