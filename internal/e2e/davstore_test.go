package e2e

import (
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// startApache serves an empty folder of this machine by WebDAV.
func startApache(t *testing.T) (url, files string) {
	t.Helper()
	bin, address := testtool.Find(t, "apache2"), freeAddress(t)
	dir, err := os.MkdirTemp("", "davdisk-apache-") // its workers are another user, who may enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	files = filepath.Join(dir, "files")
	for _, d := range []string{dir, files, filepath.Join(dir, "run")} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(dir, "apache.conf")
	if err := os.WriteFile(conf, []byte(`
		ServerName localhost
		Listen `+address+`
		PidFile `+dir+`/run/pid
		ErrorLog `+dir+`/run/error.log
		LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
		LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
		DavLockDB `+dir+`/run/locks
		DocumentRoot `+files+`
		<Directory `+files+`>
			Dav On
			Require all granted
		</Directory>`), 0o644); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(bin, "-f", conf, "-X")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	until(t, "Apache listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return "http://" + address + "/", files
}

// TestOverApache serves a folder of Apache.
func TestOverApache(t *testing.T) {
	testlevel.NeedMore(t)
	url, files := startApache(t)
	s := start(t, t.TempDir(), nil, "serve", "webdav:", "--webdav-url", url, "--addr", "127.0.0.1:0")
	clientsOver(t, s, func() map[string]string { return withoutApache(hashes(t, files)) })
}

// TestKilledOverApache is TestKilledWhileWriting over Apache, which davdisk need
// not try out after each start.
func TestKilledOverApache(t *testing.T) {
	testlevel.NeedMore(t)
	url, files := startApache(t)
	home := t.TempDir()
	killAgainAndAgain(t, func() *server {
		return start(t, home, nil, "serve", "webdav:", "--webdav-url", url, "--addr", "127.0.0.1:0")
	}, func() map[string]string {
		until(t, "Apache is done with the uploads that broke off", func() bool {
			unfinished, err := filepath.Glob(filepath.Join(files, ".davfs.tmp*"))
			return err == nil && len(unfinished) == 0
		})
		return withoutApache(hashes(t, files))
	})
}

// withoutApache leaves out what Apache keeps beside the files.
func withoutApache(tree map[string]string) map[string]string {
	maps.DeleteFunc(tree, func(name, _ string) bool {
		return filepath.Base(filepath.Dir(name)) == ".DAV" || filepath.Base(name) == ".DAV"
	})
	return tree
}
