package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// serving is davdisk in this process.
type serving struct {
	*testing.T
	url    string // ends in a slash
	log    *lines
	cancel context.CancelFunc
	ended  chan error
	client *http.Client
}

// lines is standard error, which a test waits on.
type lines struct {
	mu      sync.Mutex // guards the rest
	text    bytes.Buffer
	changed chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.text.Write(p)
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return n, err
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns the first group of a pattern once it is there.
func (l *lines) wait(t *testing.T, pattern string) string {
	t.Helper()
	deadline := time.After(testwait.Limit(t))
	for {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(l.String()); found != nil {
			return found[len(found)-1]
		}
		select {
		case <-l.changed:
		case <-deadline:
			t.Fatalf("no %q in:\n%s", pattern, l)
		}
	}
}

// home gives the test folders and an environment of its own.
func home(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"HOME": dir, "XDG_CONFIG_HOME": dir + "/config", "XDG_STATE_HOME": dir + "/state", "XDG_CACHE_HOME": dir + "/cache", "TMPDIR": dir,
	} {
		t.Setenv(name, value)
	}
}

// onDisk gives the test an emulated disk to log in to.
func onDisk(t *testing.T) *emulator.Server {
	t.Helper()
	home(t)
	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	t.Setenv("DAVDISK_TOKEN", disk.Token)
	t.Setenv("DAVDISK_YANDEX_API_URL", disk.URL)
	t.Setenv("DAVDISK_YANDEX_OAUTH_URL", disk.OAuthURL)
	t.Setenv("DAVDISK_YANDEX_RATE", "0")
	return disk
}

// begin runs davdisk with these words until its context ends.
func begin(t *testing.T, words ...string) (*lines, context.CancelFunc, chan error) {
	t.Helper()
	return beginWith(t, appOfDavdisk, words...)
}

func beginWith(t *testing.T, newApp func(in io.Reader, out, errs io.Writer) *cli.App, words ...string) (*lines, context.CancelFunc, chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := &lines{changed: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		app := newApp(strings.NewReader(""), log, log)
		args, err := orderArgs(app, append([]string{"davdisk"}, words...))
		if err == nil {
			err = app.RunContext(ctx, args)
		}
		ended <- err
	}()
	return log, cancel, ended
}

// serve starts a share on a free port.
func startServing(t *testing.T, words ...string) *serving {
	t.Helper()
	return startServingWith(t, appOfDavdisk, words...)
}

func startServingWith(t *testing.T, newApp func(in io.Reader, out, errs io.Writer) *cli.App, words ...string) *serving {
	t.Helper()
	s := &serving{T: t, client: &http.Client{}}
	s.log, s.cancel, s.ended = beginWith(t, newApp, append([]string{"serve", "--addr", "127.0.0.1:0"}, words...)...)
	t.Cleanup(func() { s.stop() })
	watch := make(chan struct{})
	go func() {
		select {
		case err := <-s.ended:
			fmt.Fprintf(s.log, "listening on nothing: %v\n", err)
			s.ended <- err
		case <-watch:
		}
	}()
	s.url = s.log.wait(t, `listening on (\S+)`)
	close(watch)
	if s.url == "nothing:" {
		t.Fatalf("davdisk serve ended:\n%s", s.log)
	}
	return s
}

// stop ends the share and returns what it ended with.
func (s *serving) stop() error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	s.cancel = nil
	select {
	case err := <-s.ended:
		if err != nil {
			s.Errorf("it ended with %v", err)
		}
		return err
	case <-time.After(testwait.Limit(s.T)):
		s.Fatalf("it does not end:\n%s", s.log)
	}
	return nil
}

// do makes a request; the auth is "user:password" or empty.
func (s *serving) do(method, path, auth, body string) (int, string) {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if user, password, ok := strings.Cut(auth, ":"); ok {
		req.SetBasicAuth(user, password)
	}
	if method == "PROPFIND" {
		req.Header.Set("Depth", "1")
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return res.StatusCode, string(data)
}

func (s *serving) wants(method, path, auth, body string, want int) string {
	s.Helper()
	got, answer := s.do(method, path, auth, body)
	if got != want {
		s.Errorf("%s %s is answered %d, want %d: %s", method, path, got, want, answer)
	}
	return answer
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
