package cmd

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// TestServeMounts serves two folders of this machine as folders of one root, and
// moves from one to the other.
func TestServeMounts(t *testing.T) {
	home(t)
	work, archive := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "report.txt"), []byte("the report"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServing(t, "--mount", "/work="+work, "--mount", "archive=local:"+archive)
	if got := s.wants("PROPFIND", "", "", "", 207); !strings.Contains(got, "/work/") || !strings.Contains(got, "/archive/") {
		t.Errorf("the root lists %s", got)
	}
	if got := s.wants("GET", ".davdisk/api/status?path=/work/x", "", "", 200); !strings.Contains(got, `"space":{"total":`) {
		t.Errorf("the page is told of the folder: %s", got)
	}
	if got := s.wants("GET", ".davdisk/api/status", "", "", 200); strings.Contains(got, "space") || strings.Contains(got, "trouble") {
		t.Errorf("the page is told of the root: %s", got)
	}
	s.wants("MKCOL", "archive/2026/", "", "", 201)
	s.transfers("MOVE", "work/report.txt", "archive/2026/report.txt", 201)
	s.wants("GET", "work/report.txt", "", "", 404)
	if got := s.wants("GET", "archive/2026/report.txt", "", "", 200); got != "the report" {
		t.Errorf("it holds %q", got)
	}
	s.transfers("COPY", "archive/2026", "work/2026", 201)
	if got, err := os.ReadFile(filepath.Join(work, "2026", "report.txt")); err != nil || string(got) != "the report" {
		t.Errorf("the copy holds %q, %v", got, err)
	}
	s.wants("PUT", "new.txt", "", "x", 403)
	s.wants("DELETE", "work", "", "", 403)
	s.stop()
	if got, err := os.ReadFile(filepath.Join(archive, "2026", "report.txt")); err != nil || string(got) != "the report" {
		t.Errorf("the target holds %q, %v", got, err)
	}
}

// transfers makes a MOVE or a COPY from one path to another.
func (s *serving) transfers(method, from, to string, want int) {
	s.Helper()
	if code := s.transfer(method, from, to); code != want {
		s.Errorf("%s %s to %s is answered %d, want %d", method, from, to, code, want)
	}
}

func (s *serving) transfer(method, from, to string) (code int) {
	s.Helper()
	req, err := http.NewRequest(method, s.url+from, nil)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Destination", s.url+to)
	res, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestMountsThatMakeNoSense(t *testing.T) {
	home(t)
	for _, words := range [][]string{
		{"--mount", "work"}, {"--mount", "work="}, {"--mount", "/a/b=memory:"}, {"--mount", "/=memory:"},
		{"--mount", "/a=memory:", "--mount", "a=memory:"}, {"--mount", "/a=nosuch:"}, {"--mount", "/a=memory:", "memory:"}, {"--mount", "/a=memory:", "--demo"},
		{"--mount", "/a=memory:", "--write-back"},
	} {
		_, cancel, ended := begin(t, append([]string{"serve", "--addr", "127.0.0.1:0"}, words...)...)
		if err := <-ended; exit(io.Discard, err) != exitMisuse {
			t.Errorf("%v: %v", words, err)
		}
		cancel()
	}
}

// TestAStoreThatLosesFilesIsReadOnly until somebody accepts that.
func TestAStoreThatLosesFilesIsReadOnly(t *testing.T) {
	home(t)
	newApp := func(in io.Reader, out, errs io.Writer) *cli.App {
		return program{drivers: append(ownDrivers(), unsafeDriver())}.newApp(in, out, errs)
	}
	s := startServingWith(t, newApp, "unsafe:")
	s.log.wait(t, "(?m)^read-only, because replacing a file could lose it: it truncates first; --accept-unsafe-writes allows it$")
	s.wants("PUT", "f", "", "x", 403)
	s.stop()
	s = startServingWith(t, newApp, "--mount", "a=unsafe:", "--mount", "b=memory:")
	s.log.wait(t, `could lose it: in "a": it truncates first`)
	s.wants("PUT", "a/f", "", "x", 403)
	s.stop()
	s = startServingWith(t, newApp, "unsafe:", "--accept-unsafe-writes")
	s.wants("PUT", "f", "", "x", 201)
	s.stop()
	if strings.Contains(s.log.String(), "read-only") {
		t.Errorf("it says %s", s.log)
	}
	for _, flags := range [][]string{{"--accept-unsafe-writes", "--read-only"}, {"--write-back"}, {"--write-back", "--accept-unsafe-writes"}} {
		_, cancel, ended := beginWith(t, newApp, append([]string{"serve", "--addr", "127.0.0.1:0", "unsafe:"}, flags...)...)
		if err := <-ended; exit(io.Discard, err) != exitMisuse {
			t.Errorf("%v: %v", flags, err)
		}
		cancel()
	}
}

// unsafeDriver is a store that says that it may lose a file.
func unsafeDriver() backend.Driver {
	return backend.Driver{Name: "unsafe", Open: func(context.Context, string, map[string]string, backend.Env) (backend.Backend, error) {
		return unsafeStore{memory.New(memory.Options{})}, nil
	}}
}

type unsafeStore struct{ *memory.Backend }

func (unsafeStore) Capabilities() backend.Capabilities {
	return backend.Capabilities{NoAtomicOverwrite: "it truncates first"}
}
