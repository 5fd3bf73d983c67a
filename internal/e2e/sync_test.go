package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestGitAnnex keeps the content of a repository in a special remote of the type
// webdav, drops it here and gets it back.
func TestGitAnnex(t *testing.T) {
	testlevel.NeedMore(t)
	testtool.Find(t, "git-annex")
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	dir, home := t.TempDir(), t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := command(t, "git", append([]string{"-c", "annex.security.allowed-ip-addresses=all"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+home, "WEBDAV_USERNAME=anna", "WEBDAV_PASSWORD=secret",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		return run(t, cmd)
	}
	git("init", "-q")
	git("annex", "init", "here")
	content := noise(t, 300_000)
	name := filepath.Join(dir, "Ж & file")
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
	git("annex", "add", ".")
	git("commit", "-qm", "file")
	git("annex", "initremote", "dav", "type=webdav", "url="+s.url+"annex", "encryption=none", "chunk=100KiB")
	git("annex", "copy", "--to", "dav", ".")
	git("annex", "fsck", "--from", "dav", ".")
	git("annex", "drop", ".")
	if _, err := os.Stat(name); err == nil {
		t.Error("the content was not dropped")
	}
	git("annex", "get", ".")
	if got, err := os.ReadFile(name); err != nil || sum(got) != sum(content) {
		t.Errorf("it got %d bytes, %v", len(got), err)
	}
	git("annex", "drop", "--from", "dav", ".")
	for stored := range stored(disk) {
		if strings.HasPrefix(stored, "annex/") && strings.Contains(stored, "SHA256E") {
			t.Errorf("%s is left", stored)
		}
	}
}

// TestOwnCloud runs ownCloud's command line as far as it comes: it looks for
// status.php and a path of its own first, which davdisk does not have, and must
// fail without having changed anything on either side.
func TestOwnCloud(t *testing.T) {
	testlevel.NeedMore(t)
	testtool.Find(t, "owncloudcmd")
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "there.txt", "there")
	s := serve(t, disk)
	dir, home := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "here.txt"), []byte("here"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "owncloudcmd", "--non-interactive", "--user", "anna", "--password", "secret", dir, s.url)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "QT_QPA_PLATFORM=offscreen")
	out, err := cmd.CombinedOutput()
	t.Logf("%v: %s", err, out)
	if content, err := os.ReadFile(filepath.Join(dir, "here.txt")); err != nil || string(content) != "here" {
		t.Errorf("what is here was changed: %q, %v", content, err)
	}
	if got := stored(disk); got["there.txt"] != sum([]byte("there")) {
		t.Errorf("what is there was changed: %v", got)
	}
}
