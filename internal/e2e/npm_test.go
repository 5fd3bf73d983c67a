package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

func TestNpmWebdav(t *testing.T) {
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	testtool.Find(t, "node")
	dir := t.TempDir()
	install := command(t, "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "webdav@5.11.0")
	run(t, install)
	script, err := filepath.Abs("testdata/webdav.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if out := run(t, command(t, "node", script, dir, s.url)); !strings.Contains(out, "done") {
		t.Errorf("it did not come to its end:\n%s", out)
	}
	same(t, "at the disk", stored(disk), map[string]string{"vault/Заметка №1 & 100%.md": sum([]byte("one"))})
}

// TestGitPush has git push to a bare repository on the share: it locks, sends
// every body with Expect: 100-continue and moves what it has sent.
func TestGitPush(t *testing.T) {
	linux(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := command(t, "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"}, args...)...)
		cmd.Dir = dir
		return run(t, cmd)
	}
	git("init", "-q", "--bare", "bare.git")
	git("-C", "bare.git", "update-server-info")
	git("init", "-q", "work")
	git("-C", "work", "commit", "-q", "--allow-empty", "-m", "first")
	for name, content := range readAll(t, filepath.Join(dir, "bare.git")) {
		put(t, disk, "r.git/"+name, content)
	}
	for _, empty := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := disk.Mkdir("disk:/r.git/" + empty); err != nil {
			t.Fatal(err)
		}
	}
	git("-C", "work", "push", "-q", s.url+"r.git", "main:refs/heads/main")
	git("clone", "-q", s.url+"r.git", "clone")
	if got, want := git("-C", "clone", "rev-parse", "HEAD"), git("-C", "work", "rev-parse", "HEAD"); got != want {
		t.Errorf("the clone is at %s, want %s", got, want)
	}
}

// TestLftp names folders with their final slash: without it, and without a
// redirect (which other clients do not survive), lftp takes them for files.
func TestLftp(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	put(t, disk, "in/a b.txt", "text")
	dir := t.TempDir()
	script := strings.Join([]string{
		"set cmd:fail-exit yes", "set net:max-retries 1", "open " + s.url, "cd in/", "get 'a b.txt'",
		"mkdir made", "put -O made 'a b.txt' -o 'put & back.txt'", "mv 'a b.txt' moved.txt", "ls", "rm made/put\\ \\&\\ back.txt", "bye",
	}, "\n")
	lftp := command(t, "lftp", "-c", script)
	lftp.Dir = dir
	run(t, lftp)
	same(t, "at the disk", stored(disk), map[string]string{"in/moved.txt": sum([]byte("text"))})
}
