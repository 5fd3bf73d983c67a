package e2e

import (
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// noise is content that does not compress.
func noise(t *testing.T, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return content
}

// TestZsync fetches a new version of which an old one is at hand, by ranges.
func TestZsync(t *testing.T) {
	testlevel.NeedMore(t)
	testtool.Find(t, "zsync")
	s := serve(t, startDisk(t, emulator.Options{}))
	dir := t.TempDir()
	old := noise(t, 2<<20)
	now := append(append(append([]byte{}, old[:1<<20]...), noise(t, 100_000)...), old[1<<20:]...)
	for name, content := range map[string][]byte{"old": old, "image": now} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inDir := func(cmd *exec.Cmd) string { cmd.Dir = dir; return run(t, cmd) }
	inDir(command(t, "zsyncmake", "-u", s.url+"image", "-o", "image.zsync", "image"))
	for _, name := range []string{"image", "image.zsync"} {
		run(t, command(t, "curl", "-sSf", "-T", filepath.Join(dir, name), s.url+name))
	}
	if err := os.Remove(filepath.Join(dir, "image")); err != nil {
		t.Fatal(err)
	}
	said := inDir(command(t, "zsync", "-i", "old", s.url+"image.zsync"))
	if got, err := os.ReadFile(filepath.Join(dir, "image")); err != nil || sum(got) != sum(now) {
		t.Errorf("zsync made %d bytes, %v, want %d: %s", len(got), err, len(now), said)
	}
}

// TestCurlOverHTTP2 stores, refuses, reads and lists by Debian's curl over
// HTTP/2, with a body that is longer than its window.
func TestCurlOverHTTP2(t *testing.T) {
	s := serve(t, startDisk(t, emulator.Options{}), "--tls-self-signed")
	dir := t.TempDir()
	content := noise(t, 300_000)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	curl := func(want string, args ...string) {
		t.Helper()
		args = append([]string{"-sSk", "--http2", "-o", filepath.Join(dir, "out"), "-w", "%{http_version} %{http_code}"}, args...)
		if got := run(t, command(t, "curl", args...)); got != "2 "+want {
			t.Errorf("curl %s: %s, want 2 %s", strings.Join(args, " "), got, want)
		}
	}
	curl("201", "-T", file, s.url+"f")
	for range 5 {
		curl("412", "-T", file, "-H", "If-None-Match: *", s.url+"f")
		curl("409", "-T", file, s.url+"none/f")
	}
	curl("204", "-T", "-", "-H", "Expect:", s.url+"f")
	curl("204", "-T", file, s.url+"f")
	curl("207", "-X", "PROPFIND", "-H", "Depth: 1", s.url)
	curl("206", "-r", "100-199", s.url+"f")
	curl("200", s.url+"f")
	if got, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || sum(got) != sum(content) {
		t.Errorf("it read %d bytes, %v", len(got), err)
	}
}

// TestBehindCompression puts nginx with gzip, and Apache with DEFLATE, in front:
// a file that was read by way of them is replaced on condition of the entity tag
// they gave, in whatever form, and ranges are those of the file itself.
func TestBehindCompression(t *testing.T) {
	testlevel.NeedMore(t)
	for what, begin := range map[string]func(t *testing.T, front, url string){
		"nginx": func(t *testing.T, front, url string) {
			startNginx(t, front, `listen `+front+`; gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1; location / { proxy_pass `+url+`; }`)
		},
		"Apache": func(t *testing.T, front, url string) {
			runApache(t, front, "proxy proxy_http filter deflate", "SetOutputFilter DEFLATE\nProxyPass / "+url+"\nProxyPreserveHost On")
		},
	} {
		t.Run(what, func(t *testing.T) {
			disk := startDisk(t, emulator.Options{})
			s, front := serve(t, disk), freeAddress(t)
			begin(t, front, s.url)
			content := strings.Repeat("compressible ", 5000)
			put(t, disk, "f.txt", content)
			do := func(method, body string, header ...string) *http.Response {
				t.Helper()
				req, err := http.NewRequest(method, "http://"+front+"/f.txt", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				for i := 0; i < len(header); i += 2 {
					req.Header.Set(header[i], header[i+1])
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				return res
			}
			got := do("GET", "", "Accept-Encoding", "gzip")
			tag := got.Header.Get("ETag")
			if got.Header.Get("Content-Encoding") != "gzip" || tag == "" {
				t.Fatalf("it was not compressed: %v", got.Header)
			}
			if res := do("GET", "", "Accept-Encoding", "gzip", "If-None-Match", tag); res.StatusCode != http.StatusNotModified {
				t.Errorf("GET of what is known was answered %d", res.StatusCode)
			}
			if res := do("PUT", "other", "If-Match", `"other"`); res.StatusCode != http.StatusPreconditionFailed {
				t.Errorf("PUT over another version was answered %d", res.StatusCode)
			}
			// A range of what is compressed would be one of other bytes.
			res := do("GET", "", "Range", "bytes=13-24", "Accept-Encoding", "identity")
			if res.StatusCode != http.StatusPartialContent || res.Header.Get("Content-Encoding") != "" || res.ContentLength != 12 {
				t.Errorf("a range was answered %d, %v", res.StatusCode, res.Header)
			}
			if res := do("PUT", "new", "If-Match", tag); res.StatusCode != http.StatusNoContent {
				t.Errorf("PUT on condition of %s was answered %d", tag, res.StatusCode)
			}
			if res := do("PUT", "newer", "If-Match", tag); res.StatusCode != http.StatusPreconditionFailed {
				t.Errorf("PUT on condition of a version that is gone was answered %d", res.StatusCode)
			}
			same(t, "at the disk", stored(disk), map[string]string{"f.txt": sum([]byte("new"))})
		})
	}
}

// TestOnADavfs2Mount works on a mount with davfs2's defaults: git clones, checks
// and reads after a new mount, executable bits included; sqlite3 writes and
// checks a database.
func TestOnADavfs2Mount(t *testing.T) {
	testlevel.NeedMore(t)
	linux(t)
	s := serve(t, startDisk(t, emulator.Options{}))
	from := filepath.Join(t.TempDir(), "from")
	git := func(dir string, args ...string) string {
		t.Helper()
		cmd := command(t, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b", "-c", "safe.directory=*"}, args...)...)
		cmd.Dir = dir
		return run(t, cmd)
	}
	if err := os.Mkdir(from, 0o755); err != nil {
		t.Fatal(err)
	}
	git(from, "init", "-q")
	for i, name := range []string{"README", "run.sh", "Ж & файл"} {
		if err := os.WriteFile(filepath.Join(from, name), noise(t, 1000*(i+1)), os.FileMode(0o644|i%2*0o111)); err != nil {
			t.Fatal(err)
		}
	}
	git(from, "add", ".")
	git(from, "commit", "-qm", "first")

	mnt, unmount := mountDavfsWith(t, s.url, davfsDefaults)
	git(mnt, "clone", "-q", from, "clone")
	sqlite := func(mnt, sql string) string {
		return strings.TrimSpace(run(t, command(t, "sqlite3", filepath.Join(mnt, "data.db"), sql)))
	}
	sqlite(mnt, "create table t(n integer primary key, s text); with recursive c(n) as (select 1 union all select n+1 from c where n<500) insert into t select n, hex(randomblob(50)) from c;")
	sqlite(mnt, "update t set s='changed' where n%7=0; delete from t where n>400;")
	unmount()

	mnt, unmount = mountDavfsWith(t, s.url, davfsDefaults)
	clone := filepath.Join(mnt, "clone")
	git(clone, "fsck", "--strict")
	if got := git(clone, "status", "--porcelain"); got != "" {
		t.Errorf("after a new mount git finds changes: %s", got)
	}
	if err := os.WriteFile(filepath.Join(clone, "more"), []byte("more"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(clone, "add", ".")
	git(clone, "commit", "-qm", "second")
	if got := sqlite(mnt, "pragma integrity_check; select count(*), sum(s='changed') from t;"); got != "ok\n400|57" {
		t.Errorf("sqlite3 finds %q", got)
	}
	unmount()
	mnt, unmount = mountDavfsWith(t, s.url, davfsDefaults)
	git(filepath.Join(mnt, "clone"), "fsck", "--strict")
	if got := git(filepath.Join(mnt, "clone"), "log", "--format=%s"); got != "second\nfirst\n" {
		t.Errorf("the log is %q", got)
	}
	unmount()
}

// TestDavfs2CopiesWhatIsNotWrittenYet copies a folder that has files davfs2 has
// not written: both are whole in the end.
func TestDavfs2CopiesWhatIsNotWrittenYet(t *testing.T) {
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	mnt, unmount := mountDavfsWith(t, s.url, davfsDefaults)
	if err := os.MkdirAll(filepath.Join(mnt, "d/new"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, name := range []string{"a", "Ж & b", "c%20", "#d?"} {
		if err := os.WriteFile(filepath.Join(mnt, "d/new", name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		want["d/new/"+name], want["d/copied/"+name] = sum([]byte(name)), sum([]byte(name))
	}
	run(t, command(t, "cp", "-r", filepath.Join(mnt, "d/new"), filepath.Join(mnt, "d/copied")))
	// By another client the server itself copies what davfs2 has only locked.
	if code, body := s.request("COPY", "d/", nil, "Destination", s.url+"e/"); code/100 != 2 && code != http.StatusLocked {
		t.Errorf("COPY was answered %d: %s", code, body)
	}
	unmount()
	got := stored(disk)
	for name := range got {
		if strings.HasPrefix(name, "e/") {
			delete(got, name)
		}
	}
	same(t, "at the disk", got, want)
}
