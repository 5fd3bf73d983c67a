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

// TestOverApache serves a folder of Apache, and lets rclone and davfs2 work on
// it: what they store is in that folder, byte by byte.
func TestOverApache(t *testing.T) {
	testlevel.NeedMore(t)
	url, files := startApache(t)
	s := start(t, t.TempDir(), nil, "serve", "webdav:", "--webdav-url", url, "--addr", "127.0.0.1:0")

	src, back := t.TempDir(), t.TempDir()
	sow(t, src)
	remote := ":webdav,url='" + s.url + "',vendor=other:"
	run(t, rcloneCommand(t, "copy", src, remote+"tree"))
	same(t, "what Apache has of rclone's tree", withoutApache(hashes(t, filepath.Join(files, "tree"))), hashes(t, src))
	run(t, rcloneCommand(t, "check", "--download", src, remote+"tree"))
	run(t, rcloneCommand(t, "moveto", remote+"tree", remote+"moved"))
	run(t, rcloneCommand(t, "copy", remote+"moved", back))
	same(t, "what rclone reads back", hashes(t, back), hashes(t, src))

	mnt, unmount := mountDavfs(t, s.url)
	if err := os.WriteFile(filepath.Join(mnt, "note.txt"), []byte("by davfs2"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(mnt, "moved"), filepath.Join(mnt, "again")); err != nil {
		t.Fatal(err)
	}
	unmount()
	got := withoutApache(hashes(t, files))
	want := map[string]string{"note.txt": sum([]byte("by davfs2"))}
	for name, content := range hashes(t, src) {
		want[filepath.Join("again", name)] = content
	}
	same(t, "what Apache has after davfs2", got, want)
}

// withoutApache leaves out what Apache keeps beside the files.
func withoutApache(tree map[string]string) map[string]string {
	maps.DeleteFunc(tree, func(name, _ string) bool {
		return filepath.Base(filepath.Dir(name)) == ".DAV" || filepath.Base(name) == ".DAV"
	})
	return tree
}
