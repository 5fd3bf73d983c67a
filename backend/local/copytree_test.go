package local_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

// TestCopyOfManyFiles copies more than are synced one by one.
func TestCopyOfManyFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		name := filepath.Join(dir, "d", fmt.Sprint(i%3), fmt.Sprint("f", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, name, fmt.Sprint("content ", i))
	}
	b := open(t, dir)
	if err := b.Copy(t.Context(), "d", "copy", backend.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		name := fmt.Sprintf("copy/%d/f%d", i%3, i)
		if got, err := read(t, b, name); err != nil || got != fmt.Sprint("content ", i) {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
}

// TestCopyKeepsModesAndTimes of files that are copied alone and with many others,
// whatever modes the umask takes from new files.
func TestCopyKeepsModesAndTimes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no permission bits here")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	modes := []fs.FileMode{0o666, 0o644, 0o600, 0o400, 0o777, 0o751, 0o606}
	at := time.Date(2001, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
	for i := range 100 {
		name := filepath.Join(dir, "d", fmt.Sprint(i))
		write(t, name, "content")
		if err := errors.Join(os.Chmod(name, modes[i%len(modes)]), os.Chtimes(name, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, dir)
	if err := b.Copy(t.Context(), "d", "copy", backend.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	check := func(name string, mode fs.FileMode) {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || fi.Mode() != mode || !fi.ModTime().Equal(at) {
			t.Errorf("%s has %v, %v, want %v (%v)", name, fi.Mode(), fi.ModTime(), mode, err)
		}
	}
	for i := range 100 {
		check(fmt.Sprint("copy/", i), modes[i%len(modes)])
	}
	for i, mode := range modes {
		name := fmt.Sprint("alone", i)
		if err := b.Copy(t.Context(), fmt.Sprint("d/", i), name, backend.CopyOptions{}); err != nil {
			t.Fatal(err)
		}
		check(name, mode)
	}
}

// during is a context that does something whenever it is asked whether it has
// ended.
type during struct {
	context.Context
	do func()
}

func (d during) Err() error {
	d.do()
	return d.Context.Err()
}

// TestACopyCanBeWrittenTo: until it is whole, also one that nobody may write to then.
func TestACopyCanBeWrittenTo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no permission bits here")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), "content")
	if err := os.Chmod(filepath.Join(dir, "f"), 0o400); err != nil {
		t.Fatal(err)
	}
	seen := 0
	ctx := during{t.Context(), func() {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !strings.Contains(name, ownname.UnfinishedPrefix) {
				return err
			}
			fi, err := d.Info()
			if err != nil || fi.Size() > 0 {
				return err
			}
			if seen++; fi.Mode().Perm()&0o600 != 0o600 {
				t.Errorf("it is written with mode %v", fi.Mode())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}}
	if err := open(t, dir).Copy(ctx, "f", "copy", backend.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "copy")); err != nil || fi.Mode() != 0o400 || seen == 0 {
		t.Errorf("the copy has %v, %v, and was seen %d times", fi, err, seen)
	}
}

// TestCopyOfAFileThatIsWrittenTo fails, and nothing is left of it.
func TestCopyOfAFileThatIsWrittenTo(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	write(t, name, "content")
	b := open(t, dir)
	grow := func() {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("more"); err != nil {
			t.Error(err)
		}
	}
	if err := b.Copy(during{t.Context(), grow}, "f", "copy", backend.CopyOptions{}); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("it answered %v", err)
	}
	if _, err := b.Stat(t.Context(), "copy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left is %v, %v", left, err)
	}
	if err := b.Copy(t.Context(), "f", "copy", backend.CopyOptions{}); err != nil {
		t.Errorf("later it answered %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := b.Copy(during{ctx, cancel}, "f", "other", backend.CopyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("of a client that has left: %v", err)
	}
}
