package sftp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/sshtest"
	"github.com/davdisk/davdisk/internal/testport"
)

// TestLogin shows who is let in, and what the others are told: in one line, and
// never a secret.
func TestLogin(t *testing.T) {
	key, public := sshtest.NewKey(t)
	locked, lockedPublic := lockedKey(t)
	_, stranger := sshtest.NewKey(t)
	s := newServer(t, func(s *sshtest.Server) {
		s.Config.PublicKeyCallback, s.Config.KeyboardInteractiveCallback = keyCallback(public, lockedPublic), answerCallback
	})
	for name, text := range map[string][]byte{"key": key, "locked": locked, "nonsense": []byte("no key at all")} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket := agentWith(t, key)

	for _, test := range []struct {
		name   string
		change func(*Options)
		known  []ssh.PublicKey // nil: that of the server
		fails  string          // empty: it is let in
	}{
		{name: "password", change: func(o *Options) {}},
		{name: "password that is asked for", change: func(o *Options) { o.Password = "asked" }},
		{name: "wrong password", change: func(o *Options) { o.Password = "guessed" }, fails: `refuses user "me": neither the password nor a key`},
		{name: "wrong user", change: func(o *Options) { o.User = "you" }, fails: `refuses user "you"`},
		{name: "more questions than a password", change: func(o *Options) { o.User, o.Password = "two", "asked" }, fails: "more than a password"},
		{name: "key", change: func(o *Options) { o.Password, o.KeyFile = "", "key" }},
		{name: "key with a passphrase", change: func(o *Options) { o.Password, o.KeyFile, o.KeyPassphrase = "", "locked", "open sesame" }},
		{name: "key with another passphrase", change: func(o *Options) { o.KeyFile, o.KeyPassphrase = "locked", "guessed" }, fails: "the passphrase does not open it"},
		{name: "key without its passphrase", change: func(o *Options) { o.KeyFile = "locked" }, fails: "it has a passphrase"},
		{name: "key that is none", change: func(o *Options) { o.KeyFile = "nonsense" }, fails: "no key found"},
		{name: "key that is missing", change: func(o *Options) { o.KeyFile = "missing" }, fails: "no such file"},
		{name: "agent", change: func(o *Options) { o.Password, o.agent = "", socket }},
		{name: "agent that is gone", change: func(o *Options) { o.agent = socket + "-gone" }},
		{name: "nothing to log in with", change: func(o *Options) { o.Password = "" }, fails: "no key and no password"},
		{name: "server that is not known", known: []ssh.PublicKey{}, fails: "compare it with that of the server"},
		{name: "server with another key", known: []ssh.PublicKey{stranger}, fails: "has CHANGED"},
		{name: "server with one of two keys", known: []ssh.PublicKey{stranger, s.Host}},
		{name: "no file of known hosts", change: func(o *Options) { o.KnownHosts = filepath.Join(s.Dir, "none") }, fails: "is not in "},
		{name: "damaged file of known hosts", change: func(o *Options) { o.KnownHosts = filepath.Join(s.Dir, "key") }, fails: "the file of known hosts"},
	} {
		o := s.options(t.TempDir())
		if test.change != nil {
			test.change(&o)
		}
		if o.KeyFile != "" {
			o.KeyFile = filepath.Join(s.Dir, o.KeyFile)
		}
		s.Know(s.Host)
		if test.known != nil {
			s.Know(test.known...)
		}
		b, err := New(t.Context(), o)
		if err == nil {
			b.Close()
		}
		switch {
		case test.fails == "":
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		case !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), test.fails):
			t.Errorf("%s: %v, want %q", test.name, err, test.fails)
		case strings.Contains(err.Error(), "guessed") || strings.Contains(err.Error(), "secret") || strings.ContainsAny(err.Error(), "\n\r"):
			t.Errorf("%s: %q tells too much, or in several lines", test.name, err)
		}
	}
}

// lockedKey is a key with the passphrase "open sesame", which x/crypto/ssh would
// take seconds to make and to open; ssh-keygen -a 1 does not.
func lockedKey(t *testing.T) ([]byte, ssh.PublicKey) {
	t.Helper()
	text, err := os.ReadFile("testdata/locked")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKeyWithPassphrase(text, []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	return text, key.PublicKey()
}

// keyCallback lets some keys in.
func keyCallback(keys ...ssh.PublicKey) func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
	return func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		for _, known := range keys {
			if bytes.Equal(known.Marshal(), key.Marshal()) {
				return nil, nil
			}
		}
		return nil, errors.New("unknown")
	}
}

// answerCallback asks for the password "asked", and user two for a code as well.
func answerCallback(c ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	questions := []string{"Password: "}
	if c.User() == "two" {
		questions = append(questions, "Code: ")
	}
	answers, err := ask("", "", questions, make([]bool, len(questions)))
	if err != nil || len(answers) != 1 || answers[0] != "asked" {
		return nil, errors.New("wrong")
	}
	return nil, nil
}

// agentWith starts an SSH agent that holds a key.
func agentWith(t *testing.T, text []byte) (socket string) {
	key, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "agent") // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = agent.ServeAgent(ring, c)
			}()
		}
	}()
	return l.Addr().String()
}

// TestWrongServer: what does not speak SSH, or not SFTP, or does not answer.
func TestWrongServer(t *testing.T) {
	s := newServer(t, func(s *sshtest.Server) { s.Serve = nil })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	for fails, change := range map[string]func(*Options){
		"serves no SFTP":     func(o *Options) {},
		"does not speak SSH": func(o *Options) { o.Port = l.Addr().(*net.TCPAddr).Port },
		"refused":            func(o *Options) { o.Port = testport.Free(t) },
		"no such host": func(o *Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.DNSError{Err: "no such host"}
			}
		},
	} {
		o := s.options("")
		change(&o)
		b, err := New(t.Context(), o)
		if err == nil {
			b.Close()
		}
		if !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), fails) {
			t.Errorf("%v, want %q", err, fails)
		}
	}
	if _, err := New(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "--sftp-host") {
		t.Errorf("without a host: %v", err)
	}
}

// TestOptions shows what is refused before anything is connected.
func TestOptions(t *testing.T) {
	for _, port := range []string{"", "0", "-1", "65536", "ssh"} {
		_, err := Driver().Open(t.Context(), "", map[string]string{"host": "127.0.0.1", "port": port}, backend.Env{})
		if err == nil || !strings.Contains(err.Error(), "is no port") {
			t.Errorf("port %q: %v", port, err)
		}
	}
}
