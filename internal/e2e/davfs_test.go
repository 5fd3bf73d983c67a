package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// davfsConf: without buf_size 2048 davfs2 1.6.1 refuses the size in which a
// recent kernel reads folders; the rest makes it write at once and look often.
const davfsConf = `ask_auth 0
use_locks 1
delay_upload 0
dir_refresh 1
file_refresh 1
buf_size 2048
`

// mountDavfs mounts the share and returns the folder it is mounted at, and
// what unmounts it, which waits for davfs2 to write what it still holds.
func mountDavfs(tb testing.TB, url string) (dir string, unmount func()) {
	tb.Helper()
	return mountDavfsWith(tb, url, davfsConf)
}

// davfsDefaults is all that a mount needs; davfs2 then writes ten seconds after
// a file was closed, or when it is unmounted.
const davfsDefaults = "ask_auth 0\nbuf_size 2048\n"

// mountDavfsWith is mountDavfs with settings of one's own.
func mountDavfsWith(tb testing.TB, url, settings string) (dir string, unmount func()) {
	tb.Helper()
	linux(tb)
	mount := testtool.Find(tb, "mount.davfs")
	if _, err := os.Stat("/dev/fuse"); err != nil {
		if testtool.Required() {
			tb.Fatal("davfs2 needs /dev/fuse")
		}
		tb.Skip("davfs2 needs /dev/fuse")
	}
	if os.Getuid() != 0 {
		tb.Skip("mounting needs root")
	}
	dir = filepath.Join(tb.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	conf := filepath.Join(tb.TempDir(), "davfs.conf")
	if err := os.WriteFile(conf, []byte(settings), 0o600); err != nil {
		tb.Fatal(err)
	}
	run(tb, command(tb, mount, url, dir, "-o", "conf="+conf+",noauto"))
	mounted := true
	unmount = func() {
		if mounted {
			mounted = false
			run(tb, command(tb, "umount", dir))
		}
	}
	tb.Cleanup(func() {
		if mounted {
			_ = exec.Command("umount", "-l", dir).Run()
		}
	})
	return dir, unmount
}

func TestDavfs2(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	local := t.TempDir()
	sow(t, local)
	want := hashes(t, local)

	mnt, unmount := mountDavfs(t, s.url)
	run(t, command(t, "cp", "-r", local+"/.", mnt))
	same(t, "read back through the mount", hashes(t, mnt), want)

	edit := func(name string, change func(string) error) {
		t.Helper()
		if err := change(filepath.Join(mnt, name)); err != nil {
			t.Fatal(err)
		}
	}
	// Edited in place, appended to, renamed over, moved as a tree, deleted.
	edit("folder 00/файл-00.bin", func(name string) error { return os.WriteFile(name, []byte("rewritten"), 0o644) })
	want["folder 00/файл-00.bin"] = sum([]byte("rewritten"))
	edit("hostile/"+hostile[0], func(name string) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("appended")
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		return err
	})
	before, err := os.ReadFile(filepath.Join(local, "hostile", hostile[0]))
	if err != nil {
		t.Fatal(err)
	}
	want["hostile/"+hostile[0]] = sum(append(before, "appended"...))
	edit("empty.txt", func(name string) error { return os.Rename(name, filepath.Join(mnt, "folder 01", "файл-01.bin")) })
	want["folder 01/файл-01.bin"] = want["empty.txt"]
	delete(want, "empty.txt")
	edit("folder 02", func(name string) error { return os.Rename(name, filepath.Join(mnt, "deep", "moved & renamed")) })
	for name, hash := range maps.Clone(want) {
		if rest, ok := strings.CutPrefix(name, "folder 02/"); ok {
			want["deep/moved & renamed/"+rest] = hash
			delete(want, name)
		}
	}
	edit("folder 03", os.RemoveAll)
	maps.DeleteFunc(want, func(name, _ string) bool { return strings.HasPrefix(name, "folder 03/") })

	same(t, "through the mount after the edits", hashes(t, mnt), want)
	unmount()
	same(t, "at the disk", stored(disk), want)

	// A second mount, by a davfs2 that has cached nothing.
	mnt, unmount = mountDavfs(t, s.url)
	same(t, "through a new mount", hashes(t, mnt), want)
	unmount()
}

// TestDavfs2MovesWhatIsNotWrittenYet renames a folder, and a file, while davfs2
// has only locked the new files in it: it writes them under their new names,
// over what it saw when it locked them.
func TestDavfs2MovesWhatIsNotWrittenYet(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	mnt, unmount := mountDavfsWith(t, s.url, davfsDefaults)
	want := map[string]string{}
	write := func(name, stored string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(mnt, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		want[stored] = sum([]byte(name))
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(filepath.Join(mnt, "d/new"), 0o755))
	for _, name := range []string{"a", "Ж & b", "c%20", "#d?", "e"} {
		write("d/new/"+name, "d/renamed/"+name)
	}
	write("d/first", "d/second")
	do(os.Rename(filepath.Join(mnt, "d/new"), filepath.Join(mnt, "d/renamed")))
	do(os.Rename(filepath.Join(mnt, "d/first"), filepath.Join(mnt, "d/second")))
	unmount()
	same(t, "at the disk", stored(disk), want)
}
