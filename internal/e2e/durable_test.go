package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestAnsweredIsOnTheDisk watches with strace what davdisk asks of the kernel.
// A power cut cannot be tried here; but what must outlive one has to be synced
// in the right order, and before the client is answered.
func TestAnsweredIsOnTheDisk(t *testing.T) {
	linux(t)
	const (
		lockBody     = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`
		propertyBody = `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>`
	)
	type request struct {
		method, path, body, header string
		status                     int
		want                       []string // regular expressions, in this order
	}
	t.Run("a folder", func(t *testing.T) {
		home := t.TempDir()
		data := filepath.Join(home, "data")
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, files := range map[string]int{"few": 1, "many": 200} {
			if err := os.Mkdir(filepath.Join(data, name), 0o700); err != nil {
				t.Fatal(err)
			}
			for i := range files {
				if err := os.WriteFile(filepath.Join(data, name, fmt.Sprint("f", i)), []byte("content"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		s, trace := startTraced(t, home, nil, "serve", data, "--addr", "127.0.0.1:0")
		trace.want(t, "starting", nil)
		for _, r := range []request{
			{"PUT", "f", "content", "", 201, []string{"sync data/.~davdisk-.*", "rename data/f", "sync data"}},
			{"PUT", "f", "other content", "", 204, []string{"sync data/.~davdisk-.*", "rename data/f", "sync data"}},
			{"MKCOL", "d", "", "", 201, []string{"sync data"}},
			{"PUT", "d/f", "in a folder", "", 201, []string{"sync data/d/.~davdisk-.*", "rename data/d/f", "sync data/d"}},
			{"MOVE", "d/f", "", "g", 201, []string{"rename data/g", "sync data(/d)?", "sync data(/d)?"}},
			{"COPY", "f", "", "h", 201, []string{"sync data/.~davdisk-.*", "rename data/h", "sync data"}},
			{"MKCOL", "e", "", "", 201, []string{"sync data"}},
			{"MOVE", "d", "", "e", 204, []string{ // the journal before the first step, and again before the last
				"sync .*/vfs/[.]unfinished.*new-.*", "rename .*/unfinished.journal", "sync .*/vfs", "sync .*/unfinished.journal",
				"rename data/.davdisk-.*-e", "sync data", "rename data/e", "sync data", "sync .*/unfinished.journal",
			}},
			{"LOCK", "h", lockBody, "", 200, []string{
				"sync .*/locks/[.]locks.*new-.*", "rename .*/locks/locks.journal", "sync .*/webdav/locks", "sync .*/locks/locks.journal",
			}},
			{"LOCK", "e", lockBody, "", 200, []string{"sync .*/locks/locks.journal"}},
			{"PROPPATCH", "g", propertyBody, "", 207, []string{
				"sync .*/properties/[.]properties.*new-.*", "rename .*/properties/properties.journal", "sync .*/webdav/properties", "sync .*/properties/properties.journal",
			}},
			{"DELETE", "g", "", "", 204, []string{"sync data", "sync .*/properties/properties.journal"}},
			{"COPY", "few", "", "few2", 201, []string{
				"sync data/.~davdisk-[^/]*/few2/f0", "sync data/.~davdisk-[^/]*/few2", "rename data/few2", "sync data",
			}},
			{"COPY", "many", "", "many2", 201, []string{"(syncall|sync) data/.~davdisk-.*", "rename data/many2", "sync data"}},
			{"DELETE", "many", "", "", 204, []string{"rename data/.~davdisk-.*", "sync data"}},
		} {
			s.trace(r.method, r.path, r.body, r.header, r.status)
			trace.want(t, r.method+" "+r.path, r.want)
		}
	})
	t.Run("the service", func(t *testing.T) {
		disk := startDisk(t, emulator.Options{})
		s, trace := startTraced(t, t.TempDir(), account(disk), "serve", "yandex:", "--addr", "127.0.0.1:0")
		trace.want(t, "starting", nil)
		for _, r := range []request{
			{"PUT", "f", "content", "", 201, []string{"sync .*/[.]times-.*new-.*", "rename .*/times-.*journal", "sync .*/yandex/default", "sync .*/times-.*journal"}},
			{"PUT", "f", "other content", "", 204, []string{"sync .*/times-.*journal"}},
		} {
			s.trace(r.method, r.path, r.body, r.header, r.status, "X-OC-Mtime", "1700000000")
			trace.want(t, r.method+" "+r.path, r.want)
		}
	})
	t.Run("write-back", func(t *testing.T) {
		disk := startDisk(t, emulator.Options{})
		s, trace := startTraced(t, t.TempDir(), account(disk), "serve", "yandex:", "--addr", "127.0.0.1:0", "--write-back")
		trace.want(t, "starting", nil)
		disk.SetLatency(200 * time.Millisecond) // so that the file waits
		want := []string{"sync .*/queue/.*[.]content", "sync .*/queue/[.].*entry.new-.*", "rename .*/queue/.*[.]entry", "sync .*/queue"}
		for _, r := range []request{
			{"PUT", "f", "content", "", 201, want},
			{"PUT", "f", "other content", "", 204, want},
			{"DELETE", "f", "", "", 204, []string{"sync .*/queue"}},
		} {
			s.trace(r.method, r.path, r.body, r.header, r.status)
			trace.want(t, r.method+" "+r.path, r.want)
		}
	})
}

// trace makes a request whose destination, if any, is a name on the share.
func (s *server) trace(method, path, body, destination string, status int, header ...string) {
	s.Helper()
	if destination != "" {
		header = append(header, "Destination", s.url+destination)
	}
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	if got, text := s.request(method, path, content, header...); got != status {
		s.Fatalf("%s %s: %d, want %d: %s", method, path, got, status, text)
	}
}

// A trace is a file into which strace writes while davdisk runs.
type trace struct {
	file string
	home string // which paths are relative to
	read int    // bytes of the file that have been looked at
}

// startTraced starts davdisk under strace, which stands aside (-D), so that the
// process is davdisk's own.
func startTraced(t *testing.T, home string, env []string, args ...string) (*server, *trace) {
	t.Helper()
	to := &trace{file: filepath.Join(home, "trace"), home: home}
	strace := testtool.Find(t, "strace")
	if out, err := exec.Command(strace, "-o", os.DevNull, "true").CombinedOutput(); err != nil && !testtool.Required() {
		t.Skipf("strace may not be used here: %s", out)
	}
	words := []string{"-D", "-f", "-y", "-e", "signal=none", "-e", "trace=fsync,syncfs,renameat,renameat2", "-o", to.file, binary}
	return startCommand(t, home, env, exec.Command(strace, append(words, args...)...)), to
}

// What strace writes of the two calls, the second with both names.
var (
	synced  = regexp.MustCompile(`(fsync|syncfs)\(\d+<([^>]*)>`)
	renamed = regexp.MustCompile(`renameat.*<([^>]*)>, "([^"]*)"`)
)

// steps are what was done since the last call: "sync NAME", "rename NEW NAME",
// and "syncall NAME" for the file system of a folder.
func (tr *trace) steps(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(tr.file)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	add := func(step, path string) {
		name, err := filepath.Rel(tr.home, path)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step+" "+name)
	}
	for line := range strings.Lines(string(data[tr.read:])) {
		if m := synced.FindStringSubmatch(line); m != nil {
			add(map[string]string{"fsync": "sync", "syncfs": "syncall"}[m[1]], m[2])
		} else if m := renamed.FindStringSubmatch(line); m != nil && filepath.IsAbs(m[2]) {
			add("rename", m[2])
		} else if m != nil {
			add("rename", filepath.Join(m[1], m[2]))
		}
	}
	tr.read = len(data)
	return steps
}

// want checks that what was done since the last call has these steps in this
// order; there may be others between them.
func (tr *trace) want(t *testing.T, doing string, want []string) {
	t.Helper()
	steps := tr.steps(t)
	rest := steps
	for _, step := range want {
		is := regexp.MustCompile("^" + step + "$")
		for len(rest) > 0 && !is.MatchString(rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("%s: there is no %q where it should be, of\n%s", doing, step, strings.Join(steps, "\n"))
			return
		}
		rest = rest[1:]
	}
}
