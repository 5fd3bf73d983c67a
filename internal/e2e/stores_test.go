package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/sshtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// clientsOver lets rclone and davfs2 work on an empty share: what they store is
// in its store, byte by byte.
func clientsOver(t *testing.T, s *server, stored func() map[string]string) {
	t.Helper()
	src, back := t.TempDir(), t.TempDir()
	sow(t, src)
	want := map[string]string{}
	for name, content := range hashes(t, src) {
		want[filepath.Join("tree", name)] = content
	}
	remote := ":webdav,url='" + s.url + "',vendor=other:"
	run(t, rcloneCommand(t, "copy", src, remote+"tree"))
	same(t, "what the store has of rclone's tree", stored(), want)
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
	want = map[string]string{"note.txt": sum([]byte("by davfs2"))}
	for name, content := range hashes(t, src) {
		want[filepath.Join("again", name)] = content
	}
	same(t, "what the store has after davfs2", stored(), want)
}

// serveSFTP serves a folder of an SFTP server in this process.
func serveSFTP(t *testing.T, host *sshtest.Server, dir, home string) *server {
	t.Helper()
	return start(t, home, []string{"DAVDISK_SFTP_PASSWORD=" + sshtest.Password}, "serve", "sftp:", "--addr", "127.0.0.1:0",
		"--sftp-host", "127.0.0.1", "--sftp-port", strconv.Itoa(host.Addr.Port), "--sftp-user", sshtest.User,
		"--sftp-known-hosts", host.KnownHosts(), "--sftp-folder", dir)
}

// TestOverSFTP serves a folder of an SFTP server.
func TestOverSFTP(t *testing.T) {
	testlevel.NeedMore(t)
	dir := t.TempDir()
	clientsOver(t, serveSFTP(t, sshtest.Start(t), dir, t.TempDir()), func() map[string]string { return hashes(t, dir) })
}

// TestKilledOverSFTP is TestKilledWhileWriting over an SFTP server. What is left
// behind is hidden, and removed by a listing a day later.
func TestKilledOverSFTP(t *testing.T) {
	testlevel.NeedMore(t)
	host, dir, home := sshtest.Start(t), t.TempDir(), t.TempDir()
	unfinished := filepath.Join(dir, ownname.UnfinishedPrefix+"*")
	serve := func() *server { return serveSFTP(t, host, dir, home) }
	killAgainAndAgain(t, serve, func() map[string]string {
		left, err := filepath.Glob(unfinished)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d files were left behind", len(left))
		yesterday := time.Now().Add(-2 * ownname.UnfinishedLife)
		for _, name := range append(left, filepath.Join(dir, ownname.UnfinishedPrefix+"ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
			if err := os.WriteFile(name, []byte("a part"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, yesterday, yesterday); err != nil {
				t.Fatal(err)
			}
		}
		s := serve()
		if code, listing := s.request("PROPFIND", "", nil, "Depth", "1"); code != 207 || strings.Contains(listing, ownname.UnfinishedPrefix) {
			t.Errorf("the listing is answered %d, and shows what is unfinished: %s", code, listing)
		}
		s.stop()
		if left, err := filepath.Glob(unfinished); err != nil || len(left) > 0 {
			t.Errorf("still there are %q, %v", left, err)
		}
		return hashes(t, dir)
	})
}

// TestOverCrypt serves an encrypted folder, which rclone decrypts.
func TestOverCrypt(t *testing.T) {
	testlevel.NeedMore(t)
	dir := t.TempDir()
	s := start(t, t.TempDir(), []string{"DAVDISK_CRYPT_PASSWORD=a long one"}, "serve", "crypt:", "--addr", "127.0.0.1:0", "--crypt-remote", dir)
	password := strings.TrimSpace(run(t, rcloneCommand(t, "obscure", "a long one")))
	clientsOver(t, s, func() map[string]string {
		plain := t.TempDir()
		run(t, rcloneCommand(t, "copy", ":crypt,remote='"+dir+"',password="+password+":", plain))
		return hashes(t, plain)
	})
}
