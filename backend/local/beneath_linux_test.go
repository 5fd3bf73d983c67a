//go:build !android

package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/davdisk/davdisk/backend"
)

// TestOpenBeneath: files are opened by their paths, and nothing else is opened, or
// looked at through a link out of the folder.
func TestOpenBeneath(t *testing.T) {
	above := t.TempDir()
	share := filepath.Join(above, "share")
	for _, dir := range []string{"share/d/e", "share-not"} {
		if err := os.MkdirAll(filepath.Join(above, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"share/f", "share/d/e/f", "share-not/f"} {
		if err := os.WriteFile(filepath.Join(above, file), []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"inside": "d/e", "above": "..", "out": "../share-not", "absolute": share, "to f": "f", "to out": "../share-not/f",
	} {
		if err := os.Symlink(target, filepath.Join(share, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(share, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := New(share, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.sweeping.Wait()
	refused := openat2Refused(t)
	for name, test := range map[string]struct {
		beneath bool
		err     error
	}{
		"f":          {true, nil},
		"d/e/f":      {true, nil},
		"inside/f":   {true, nil},
		"to f":       {false, nil},
		"to out":     {false, fs.ErrPermission},
		"out/f":      {false, fs.ErrPermission},
		"above/f":    {false, fs.ErrPermission},
		"absolute/f": {false, fs.ErrPermission},
		"pipe":       {false, fs.ErrPermission},
		"d":          {false, backend.ErrIsDir},
		".":          {false, backend.ErrIsDir},
		"missing":    {false, fs.ErrNotExist},
		"f/f":        {false, fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			f, fi := b.beneath.open(name)
			if (f != nil) != (test.beneath && refused == nil) {
				t.Errorf("opened beneath: %v", f != nil)
			}
			if f != nil {
				if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
					t.Errorf("the file is open with flags %o, %v", flags, err)
				}
				if told, err := b.Stat(t.Context(), name); err != nil || !reflect.DeepEqual(told, b.info(told.Name, attributesOf(fi))) {
					t.Errorf("Stat says %+v, %v", told, err)
				}
				f.Close()
			}
			events := watch(t, share)
			c, err := b.Open(t.Context(), name, "")
			if !errors.Is(err, test.err) {
				t.Errorf("%v, want %v", err, test.err)
			}
			if name == "pipe" && slices.Contains(events(), unix.IN_OPEN) {
				t.Error("the pipe was opened")
			}
			if err != nil {
				return
			}
			defer c.Close()
			r, err := c.Range(t.Context(), 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// openat2Refused returns why the system does not walk a path that it has to confine:
// Linux before 5.6 does not know it, and the filters of old containers refuse it.
func openat2Refused(t *testing.T) error {
	t.Helper()
	fd, err := unix.Openat2(unix.AT_FDCWD, ".", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH})
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		t.Logf("openat2: %v", err)
		return err
	case err != nil:
		t.Fatal(err)
	}
	unix.Close(fd)
	return nil
}

// TestNothingOutsideIsLookedAt: a file that a link out of the folder leads to is not
// even known to be one, because it may be on a file system that does not answer.
func TestNothingOutsideIsLookedAt(t *testing.T) {
	if err := openat2Refused(t); err != nil {
		t.Skip(err)
	}
	above := t.TempDir()
	share := filepath.Join(above, "share")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(share, "d"), 0o700),
		os.Mkdir(filepath.Join(above, "outside"), 0o700),
		os.WriteFile(filepath.Join(share, "d", "f"), nil, 0o600),
		os.WriteFile(filepath.Join(above, "outside", "f"), nil, 0o600),
		os.Symlink("d", filepath.Join(share, "inside")),
		os.Symlink("../outside", filepath.Join(share, "out")),
		os.Symlink("out", filepath.Join(share, "to out")),
		os.Symlink(filepath.Join(above, "outside"), filepath.Join(share, "absolute")),
		os.Symlink("d/f", filepath.Join(share, "to f")),
		unix.Mkfifo(filepath.Join(share, "pipe"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(share)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for name, want := range map[string]bool{
		"d/f": true, "inside/f": true, "out/f": false, "to out/f": false, "absolute/f": false,
		"to f": false, "pipe": false, "d": false, "missing": false,
	} {
		if got := isFile(int(dir.Fd()), name); got != want {
			t.Errorf("%s is seen as a file: %v", name, got)
		}
	}
}

// TestOpenBeneathAfterTheLook: what was a file when it was looked at may be something
// else by now. It is not waited for, and not taken for a file.
func TestOpenBeneathAfterTheLook(t *testing.T) {
	if err := openat2Refused(t); err != nil {
		t.Skip(err)
	}
	above := t.TempDir()
	share := filepath.Join(above, "share")
	if err := errors.Join(
		os.Mkdir(share, 0o700),
		os.WriteFile(filepath.Join(above, "f"), []byte("content"), 0o600),
		os.Symlink("..", filepath.Join(share, "out")),
		unix.Mkfifo(filepath.Join(share, "pipe"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	b, err := New(share, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	dir := int(b.beneath.dir.Fd())
	if fd := openBeneath(dir, "out/f"); fd >= 0 {
		unix.Close(fd)
		t.Error("a file outside was opened")
	}
	for _, name := range []string{"pipe", "."} {
		fd := openBeneath(dir, name)
		if fd < 0 {
			t.Fatalf("%s was not opened", name)
		}
		if f, _ := describeFile(os.NewFile(uintptr(fd), name)); f != nil {
			t.Errorf("%s is taken for a file", name)
		}
	}
}
