package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestJoplin synchronizes two Joplins, in both directions, through a share
// with a password.
func TestJoplin(t *testing.T) {
	linux(t)
	testlevel.NeedLong(t)
	testtool.Find(t, "node")
	joplin := installJoplin(t)
	disk := startDisk(t, emulator.Options{})
	if err := disk.Mkdir("disk:/Joplin"); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(secret, []byte("se cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, disk, "--user", "me", "--pass-file", secret)
	device := func() func(args ...string) string {
		home := t.TempDir()
		do := func(args ...string) string {
			t.Helper()
			cmd := command(t, joplin, args...)
			cmd.Env = append(os.Environ(), "HOME="+home)
			out := run(t, cmd)
			if strings.Contains(out, "rror") {
				t.Errorf("joplin %s says %s", strings.Join(args, " "), out)
			}
			return out
		}
		for key, value := range map[string]string{"sync.target": "6", "sync.6.path": s.url + "Joplin", "sync.6.username": "me", "sync.6.password": "se cret"} {
			do("config", key, value)
		}
		return do
	}
	phone, desk := device(), device()

	picture := filepath.Join(t.TempDir(), "picture Ж.bin")
	if err := os.WriteFile(picture, []byte("the attached file"), 0o600); err != nil {
		t.Fatal(err)
	}
	phone("mkbook", "notebook")
	phone("use", "notebook")
	phone("mknote", "first")
	phone("set", "first", "body", "written on the phone")
	phone("attach", "first", picture)
	phone("sync")

	desk("sync")
	desk("use", "notebook")
	if got := desk("cat", "first"); !strings.Contains(got, "written on the phone") || !strings.Contains(got, "picture Ж.bin") {
		t.Errorf("the note came over as %q", got)
	}
	desk("set", "first", "body", "changed at the desk")
	desk("mknote", "second")
	desk("sync")

	phone("sync")
	if got := phone("cat", "first"); !strings.Contains(got, "changed at the desk") {
		t.Errorf("the note came back as %q", got)
	}
	if got := phone("ls"); !strings.Contains(got, "second") {
		t.Errorf("the other's note did not come: %q", got)
	}
	phone("rmnote", "-f", "second")
	phone("sync")
	desk("sync")
	if got := desk("ls"); strings.Contains(got, "second") {
		t.Errorf("the note that the other deleted is still there: %q", got)
	}
	attached := 0
	for name, hash := range stored(disk) {
		if !strings.HasPrefix(name, "Joplin/") {
			t.Errorf("%s is outside of the folder", name)
		}
		if strings.HasPrefix(name, "Joplin/.resource/") && hash == sum([]byte("the attached file")) {
			attached++
		}
		if strings.HasPrefix(name, "Joplin/locks/") {
			t.Errorf("the lock %s was left behind", name)
		}
	}
	if attached != 1 {
		t.Errorf("the attached file is there %d times", attached)
	}
}

// installJoplin installs the command-line Joplin, which takes some minutes,
// and returns its command. DAVDISK_JOPLIN names one that is there already.
func installJoplin(t *testing.T) string {
	t.Helper()
	if there := os.Getenv("DAVDISK_JOPLIN"); there != "" {
		return there
	}
	dir := t.TempDir()
	npm := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), testtool.Find(t, "npm"), args...)
		cmd.Dir = dir
		run(t, cmd)
	}
	npm("install", "--no-audit", "--no-fund", "joplin@3.4.1")
	// Newer versions of npm build what is compiled only when told to.
	allow := exec.CommandContext(t.Context(), testtool.Find(t, "npm"), "install-scripts", "approve", "sqlite3", "keytar")
	allow.Dir = dir
	if err := allow.Run(); err == nil {
		npm("rebuild", "sqlite3", "keytar")
	}
	return filepath.Join(dir, "node_modules", ".bin", "joplin")
}
