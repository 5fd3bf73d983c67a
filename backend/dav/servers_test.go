package dav_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/dav"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testport"
	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/internal/testwait"
)

// A server is a WebDAV server that serves a folder of this machine.
type server struct {
	url   string
	dir   string // what it serves
	start func() *exec.Cmd
	cmd   *exec.Cmd
}

// launch starts the server, and waits until it answers.
func (s *server) launch(t *testing.T) {
	t.Helper()
	s.cmd = s.start()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill() })
	for deadline := time.Now().Add(testwait.Limit(t)); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Head(s.url)
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not listen: %v", err)
		}
	}
}

func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return testport.Addresses(t, 1)[0]
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// openDir makes a folder for the workers of a server, which Apache and nginx run as
// another user if the test is root.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "davdisk-dav-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"", "files", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func apache(t *testing.T) *server {
	t.Helper()
	bin, dir, address := testtool.Find(t, "apache2"), openDir(t), freeAddress(t)
	const modules = "/usr/lib/apache2/modules"
	conf := write(t, filepath.Join(dir, "apache.conf"), fmt.Sprintf(`
		ServerName localhost
		Listen %[2]s
		PidFile %[1]s/run/pid
		ErrorLog %[1]s/run/error.log
		LoadModule mpm_event_module %[3]s/mod_mpm_event.so
		LoadModule authz_core_module %[3]s/mod_authz_core.so
		LoadModule dav_module %[3]s/mod_dav.so
		LoadModule dav_fs_module %[3]s/mod_dav_fs.so
		DavLockDB %[1]s/run/locks
		DocumentRoot %[1]s/files
		<Directory %[1]s/files>
			Dav On
			Require all granted
		</Directory>
		`, dir, address, modules))
	s := &server{url: "http://" + address + "/", dir: filepath.Join(dir, "files")}
	s.start = func() *exec.Cmd { return exec.Command(bin, "-f", conf, "-X") }
	s.launch(t)
	return s
}

func nginx(t *testing.T) *server {
	t.Helper()
	bin, dir, address := testtool.Find(t, "nginx"), openDir(t), freeAddress(t)
	const module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
	if _, err := os.Stat(module); err != nil {
		if testtool.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	conf := write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`
		load_module %[3]s;
		daemon off; master_process off; pid %[1]s/run/pid; error_log %[1]s/run/error.log; worker_processes 1;
		events { worker_connections 64; }
		http {
			access_log off; client_body_temp_path %[1]s/run/body; proxy_temp_path %[1]s/run/proxy;
			fastcgi_temp_path %[1]s/run/f; uwsgi_temp_path %[1]s/run/u; scgi_temp_path %[1]s/run/s;
			client_max_body_size 0;
			server {
				listen %[2]s; root %[1]s/files;
				dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS;
			}
		}`, dir, address, module))
	s := &server{url: "http://" + address + "/", dir: filepath.Join(dir, "files")}
	s.start = func() *exec.Cmd { return exec.Command(bin, "-c", conf, "-p", dir) }
	s.launch(t)
	return s
}

func rclone(t *testing.T) *server {
	t.Helper()
	bin, dir, address := testtool.Find(t, "rclone"), openDir(t), freeAddress(t)
	s := &server{url: "http://" + address + "/", dir: filepath.Join(dir, "files")}
	s.start = func() *exec.Cmd {
		return exec.Command(bin, "serve", "webdav", s.dir, "--addr", address, "--config", filepath.Join(dir, "none"), "--dir-cache-time", "0s", "--poll-interval", "0")
	}
	s.launch(t)
	return s
}

// TestServers runs the contract over the servers that people have.
func TestServers(t *testing.T) {
	testlevel.NeedMore(t)
	const oneProcess = "a store locks its names, so that two writers of one process take turns"
	for name, test := range map[string]struct {
		start func(*testing.T) *server
		lacks []backendtest.Option
	}{
		"apache": {apache, []backendtest.Option{
			backendtest.Unseen("NoConditionalPut", oneProcess),
			backendtest.Unseen("NoAtomicMove", "only a move over a file has several steps"),
		}},
		"nginx": {nginx, []backendtest.Option{
			backendtest.Unseen("NoConditionalPut", oneProcess),
			backendtest.Unseen("NoAtomicMove", "only a move over a file has several steps"),
		}},
		"rclone": {rclone, []backendtest.Option{
			backendtest.Unseen("NoConditionalPut", oneProcess),
			backendtest.Unseen("NoAtomicMove", "only a move over a file is not in one step"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, dav.Config{URL: test.start(t).url, StateDir: t.TempDir()}, test.lacks...)
		})
	}
}

// TestDeclarations: what is found out of each server is what it is known to do.
func TestDeclarations(t *testing.T) {
	testlevel.NeedMore(t)
	for name, test := range map[string]struct {
		start                       func(*testing.T) *server
		conditional, overwrite, dot string // in the declaration; empty: it is not lacking
	}{
		"apache": {apache, "when an upload begins", "", "~davdisk.*"},
		"nginx":  {nginx, "ignores conditions", "", "~davdisk.* .*"},
		"rclone": {rclone, "ignores conditions", "while it arrives", "~davdisk.*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := test.start(t)
			b, err := dav.New(t.Context(), dav.Config{URL: srv.url})
			if err != nil {
				t.Fatal(err)
			}
			c := backend.CapabilitiesOf(b)
			for declared, want := range map[string]string{
				c.NoConditionalPut: test.conditional, c.NoAtomicOverwrite: test.overwrite, strings.Join(c.Names.Refused, " "): test.dot,
			} {
				if !strings.Contains(declared, want) || (declared == "") != (want == "") {
					t.Errorf("it declares %q, want %q", declared, want)
				}
			}
			left, err := os.ReadDir(srv.dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range left {
				if entry.Name() != ".DAV" { // Apache's own
					t.Errorf("the trial leaves %s", entry.Name())
				}
			}
		})
	}
}

// TestServerIsKilled ends the server at any time while a file is replaced. Then
// it has the old content or the new one, whole, and the new one if that was
// told. One that cannot replace in one step may have the new content under the
// temporary name alone.
func TestServerIsKilled(t *testing.T) {
	testlevel.NeedMore(t)
	before, after := strings.Repeat("old ", 1<<18), strings.Repeat("new!", 3<<18)
	for name, start := range map[string]func(*testing.T) *server{"apache": apache, "nginx": nginx, "rclone": rclone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t)
			b, err := dav.New(t.Context(), dav.Config{URL: srv.url, RetryWait: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			put := func(content string, at int, do func()) error {
				body := io.MultiReader(strings.NewReader(content[:at]), doing(do), strings.NewReader(content[at:]))
				_, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: int64(len(content))})
				return err
			}
			for round, at := range []int{0, 1, len(after) / 2, len(after) - 1, len(after), len(after), len(after), len(after)} {
				if err := put(before, 0, func() {}); err != nil {
					t.Fatal(err)
				}
				var killed sync.WaitGroup
				err := put(after, at, func() {
					if at < len(after) {
						srv.kill()
						return
					}
					killed.Go(func() { // while the server stores what it got
						time.Sleep(time.Duration(round-4) * time.Millisecond)
						srv.kill()
					})
				})
				killed.Wait()
				srv.kill()
				srv.launch(t)
				got, reading := os.ReadFile(filepath.Join(srv.dir, "f"))
				switch {
				case string(got) == after:
				case err == nil:
					t.Errorf("round %d: it was told that it is stored, and there are %d bytes, %v", round, len(got), reading)
				case os.IsNotExist(reading) && backend.CapabilitiesOf(b).NoAtomicOverwrite != "":
					temps, _ := filepath.Glob(filepath.Join(srv.dir, "~davdisk-*"))
					if !slices.ContainsFunc(temps, func(temp string) bool { got, _ := os.ReadFile(temp); return string(got) == after }) {
						t.Errorf("round %d: the content is under no name", round)
					}
				case string(got) != before:
					t.Errorf("round %d: there are %d bytes, %v", round, len(got), reading)
				}
				if at < len(after) && err == nil {
					t.Errorf("round %d: the server was killed, and success was told", round)
				}
			}
			if c, ok := b.(io.Closer); ok {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// doing calls itself when it is read.
type doing func()

func (d doing) Read([]byte) (int, error) { d(); return 0, io.EOF }
