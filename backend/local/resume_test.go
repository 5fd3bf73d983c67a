//go:build linux || darwin

package local_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
)

const resumed = "content of some length"

var (
	errBroke    = errors.New("the connection broke")
	errMismatch = errors.New("not what the hash says")
)

// breaking is a body that breaks off. It counts what is read of it, and calls meet
// before the first byte.
type breaking struct {
	*strings.Reader
	most int64 // bytes until it fails with err
	err  error
	meet func()
	read int64
}

func (b *breaking) Read(p []byte) (int, error) {
	if meet := b.meet; meet != nil {
		b.meet = nil
		meet()
	}
	if b.read == b.most {
		return 0, b.err
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.most-b.read)])
	b.read += int64(n)
	return n, err
}

// broken returns a body that breaks off after some bytes.
func broken(most int64) *breaking {
	return &breaking{Reader: strings.NewReader(resumed), most: most, err: errBroke}
}

// whole returns a body that does not break off.
func whole() *breaking { return broken(math.MaxInt64) }

// putResumable puts a body as f. It should have the bytes in resumed.
func putResumable(ctx context.Context, b *local.Backend, body io.ReadSeeker, opts backend.PutOptions) error {
	sum := sha256.Sum256([]byte(resumed))
	content := backend.Info{Size: int64(len(resumed)), SHA256: hex.EncodeToString(sum[:])}
	_, err := b.PutResumable(ctx, "f", body, content, errMismatch, opts)
	return err
}

// interrupt begins an upload that breaks off after some bytes, and returns the file
// that holds them.
func interrupt(t *testing.T, dir string, most int64) string {
	t.Helper()
	if err := putResumable(t.Context(), open(t, dir), broken(most), backend.PutOptions{}); !errors.Is(err, errBroke) {
		t.Fatalf("it broke off with %v", err)
	}
	all := hidden(t, dir)
	if len(all) != 1 {
		t.Fatalf("hidden are %q, want one", all)
	}
	return filepath.Join(dir, all[0])
}

// hidden returns the names of the hidden files in a folder.
func hidden(t *testing.T, dir string) (all []string) {
	t.Helper()
	for _, name := range onDisk(t, dir) {
		if strings.HasPrefix(name, ".") {
			all = append(all, name)
		}
	}
	return all
}

// stored checks that f has the content, and that nothing hidden is left.
func stored(t *testing.T, dir string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != resumed {
		t.Errorf("stored is %q, %v", got, err)
	}
	if left := hidden(t, dir); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// TestResumeAtEachByte: only what is missing is read, by another process as well,
// and the old content is there until the new one is whole.
func TestResumeAtEachByte(t *testing.T) {
	for cut := range int64(len(resumed)) {
		dir := t.TempDir()
		target := filepath.Join(dir, "f")
		replaces := cut%2 == 0
		if replaces {
			if err := errors.Join(os.WriteFile(target, []byte("old"), 0o600), os.Chmod(target, 0o640)); err != nil {
				t.Fatal(err)
			}
		}
		interrupt(t, dir, cut)
		if got, err := os.ReadFile(target); replaces && string(got) != "old" || !replaces && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %d bytes there is %q, %v", cut, got, err)
		}
		b := open(t, dir)
		if got := names(t, b, "."); len(got) > 1 || len(got) == 1 && got[0] != "f" {
			t.Errorf("listed are %q", got)
		}
		modified := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		body := whole()
		if err := putResumable(t.Context(), b, body, backend.PutOptions{ModTime: modified}); err != nil {
			t.Errorf("after %d bytes: %v", cut, err)
		}
		if want := int64(len(resumed)) - cut; body.read != want {
			t.Errorf("after %d bytes %d were read, want %d", cut, body.read, want)
		}
		stored(t, dir)
		fi, err := os.Stat(target)
		if err != nil {
			t.Fatal(err)
		}
		if !fi.ModTime().Equal(modified) || replaces && fi.Mode().Perm() != 0o640 || !replaces && fi.Mode().Perm()&0o600 != 0o600 {
			t.Errorf("it has the time %v and the mode %v", fi.ModTime(), fi.Mode())
		}
	}
}

// TestResumeFromAnything: whatever became of the hidden file, the target gets the
// content that the hash says, and no other file is touched.
func TestResumeFromAnything(t *testing.T) {
	const size, cut = int64(len(resumed)), 10
	aside := func(name string) string { return filepath.Join(filepath.Dir(name), "g") }
	for what, c := range map[string]struct {
		change func(name string) error
		read   int64
		stays  bool // it is not ours, and stays
	}{
		"whole":          {func(name string) error { return os.WriteFile(name, []byte(resumed), 0o600) }, 1, false},
		"too long":       {func(name string) error { return os.WriteFile(name, []byte(resumed+"more"), 0o600) }, 1, false},
		"missing":        {os.Remove, size, false},
		"open to others": {func(name string) error { return os.Chmod(name, 0o644) }, size, false},
		"another name":   {func(name string) error { return os.Link(name, aside(name)) }, size, false},
		"a link": {func(name string) error {
			return errors.Join(os.Rename(name, aside(name)), os.Symlink("g", name))
		}, size, true},
		"a broken link": {func(name string) error { return errors.Join(os.Remove(name), os.Symlink("h", name)) }, size, true},
		"a folder":      {func(name string) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o700)) }, size, true},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			part := interrupt(t, dir, cut)
			if err := c.change(part); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(aside(part))
			body := whole()
			if err := putResumable(t.Context(), open(t, dir), body, backend.PutOptions{IfAbsent: true}); err != nil {
				t.Fatal(err)
			}
			if body.read != c.read {
				t.Errorf("%d bytes were read, want %d", body.read, c.read)
			}
			if after, _ := os.ReadFile(aside(part)); !bytes.Equal(before, after) {
				t.Errorf("another file was changed from %q to %q", before, after)
			}
			if _, err := os.Lstat(filepath.Join(dir, "h")); err == nil {
				t.Error("the target of a link was created")
			}
			if c.stays {
				_ = os.Remove(part) // a folder may have been swept
			}
			stored(t, dir)
		})
	}
}

// TestNothingToResume: content that will not be seen again, and a failure that the
// bytes may have caused, leave nothing behind.
func TestNothingToResume(t *testing.T) {
	for what, c := range map[string]struct {
		body *breaking
		want error
	}{
		"other bytes": {&breaking{Reader: strings.NewReader(strings.ToUpper(resumed)), most: math.MaxInt64}, errMismatch},
		"replaced":    {&breaking{Reader: strings.NewReader(resumed), most: 5, err: backend.ErrChanged}, backend.ErrChanged},
		"shorter":     {&breaking{Reader: strings.NewReader(resumed[:5]), most: math.MaxInt64}, io.ErrUnexpectedEOF},
	} {
		dir := t.TempDir()
		if err := putResumable(t.Context(), open(t, dir), c.body, backend.PutOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if left := onDisk(t, dir); len(left) > 0 {
			t.Errorf("%s: %q are left", what, left)
		}
	}
	// A loss of power leaves zeros where nothing was synced.
	dir := t.TempDir()
	part := interrupt(t, dir, 10)
	if err := os.WriteFile(part, make([]byte, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	if err := putResumable(t.Context(), b, whole(), backend.PutOptions{}); !errors.Is(err, errMismatch) {
		t.Errorf("after a loss of power: %v", err)
	}
	if err := putResumable(t.Context(), b, whole(), backend.PutOptions{}); err != nil {
		t.Error(err)
	}
	stored(t, dir)
}

// TestResumedFileIsReplaced: a file of another process that has the name by now is
// neither stored nor removed.
func TestResumedFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "f")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	part := interrupt(t, dir, 5)
	body := whole()
	body.meet = func() {
		if err := errors.Join(os.Remove(part), os.WriteFile(part, []byte("another's"), 0o600)); err != nil {
			t.Error(err)
		}
	}
	if err := putResumable(t.Context(), open(t, dir), body, backend.PutOptions{}); !errors.Is(err, backend.ErrLocked) {
		t.Errorf("it is stored with %v", err)
	}
	for name, want := range map[string]string{target: "old", part: "another's"} {
		if got, err := os.ReadFile(name); string(got) != want {
			t.Errorf("%s has %q, %v, want %q", name, got, err, want)
		}
	}
}

// TestResumeAfterTheContextEnded: what was written is kept.
func TestResumeAfterTheContextEnded(t *testing.T) {
	dir := t.TempDir()
	interrupt(t, dir, 5)
	ctx, cancel := context.WithCancel(t.Context())
	body := whole()
	body.meet = cancel
	if err := putResumable(ctx, open(t, dir), body, backend.PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	again := whole()
	if err := putResumable(t.Context(), open(t, dir), again, backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := int64(len(resumed)) - 5; again.read != want {
		t.Errorf("%d bytes were read, want %d", again.read, want)
	}
	stored(t, dir)
}

// TestResumableConditions: they hold before the body is read, and when the file gets
// its name.
func TestResumableConditions(t *testing.T) {
	for when, change := range map[string]bool{"before": false, "meanwhile": true} {
		dir := t.TempDir()
		b := open(t, dir)
		target := filepath.Join(dir, "f")
		interrupt(t, dir, 5)
		body := whole()
		fill := func() { write(t, target, "another's") }
		if change {
			body.meet = fill
		} else {
			fill()
		}
		if err := putResumable(t.Context(), b, body, backend.PutOptions{IfAbsent: true}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s, if absent: %v", when, err)
		}
		if !change && body.read > 0 {
			t.Error("the body was read in vain")
		}
		info, err := b.Stat(t.Context(), "f")
		if err != nil {
			t.Fatal(err)
		}
		body, version := whole(), info.Version
		fill = func() { write(t, target, "changed again") }
		if change {
			body.meet = fill
		} else {
			fill()
		}
		if err := putResumable(t.Context(), b, body, backend.PutOptions{IfVersion: version}); !errors.Is(err, backend.ErrChanged) {
			t.Errorf("%s, if unchanged: %v", when, err)
		}
		if got, err := os.ReadFile(target); err != nil || string(got) != "changed again" {
			t.Errorf("%s: it has %q, %v", when, got, err)
		}
	}
}

// TestTwoResumeTheSame: while one writes, another that gets the same content leaves
// its file alone, as do listings, removals and a sweep of what is old.
func TestTwoResumeTheSame(t *testing.T) {
	dir := t.TempDir()
	part := interrupt(t, dir, 5)
	body := whole()
	body.meet = func() {
		old := time.Now().Add(-30 * 24 * time.Hour)
		if err := os.Chtimes(part, old, old); err != nil {
			t.Error(err)
		}
		other := open(t, dir)
		names(t, other, ".")
		all := whole()
		if err := putResumable(t.Context(), other, all, backend.PutOptions{}); err != nil || all.read != int64(len(resumed)) {
			t.Errorf("the other read %d bytes, %v", all.read, err)
		}
		if err := os.Remove(filepath.Join(dir, "f")); err != nil {
			t.Error(err)
		}
		if err := open(t, filepath.Dir(dir)).Remove(t.Context(), filepath.Base(dir), backend.RemoveOptions{IfEmpty: true}); !errors.Is(err, backend.ErrNotEmpty) {
			t.Errorf("the folder was removed: %v", err)
		}
	}
	if err := putResumable(t.Context(), open(t, dir), body, backend.PutOptions{}); err != nil {
		t.Error(err)
	}
	if want := int64(len(resumed)) - 5; body.read != want {
		t.Errorf("%d bytes were read, want %d", body.read, want)
	}
	stored(t, dir)
}

// TestResumableFilesEnd: what is not resumed goes with its folder, or after a week.
func TestResumableFilesEnd(t *testing.T) {
	dir := t.TempDir()
	part := interrupt(t, dir, 5)
	days := func(n int) {
		t.Helper()
		late, err := local.New(dir, local.Options{Now: func() time.Time { return time.Now().AddDate(0, 0, n) }})
		if err != nil {
			t.Fatal(err)
		}
		names(t, late, ".")
		if err := late.Close(); err != nil {
			t.Fatal(err)
		}
	}
	days(6)
	if left := hidden(t, dir); len(left) != 1 {
		t.Errorf("after six days there are %q", left)
	}
	above, name := open(t, filepath.Dir(dir)), filepath.Base(dir)
	write(t, filepath.Join(dir, "g"), "a user's")
	if err := above.Remove(t.Context(), name, backend.RemoveOptions{IfEmpty: true}); !errors.Is(err, backend.ErrNotEmpty) {
		t.Fatalf("a folder with a file was removed: %v", err)
	}
	if _, err := os.Stat(part); err != nil {
		t.Errorf("of a folder that stays: %v", err)
	}
	if err := above.Remove(t.Context(), name+"/g", backend.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := above.Remove(t.Context(), name, backend.RemoveOptions{IfEmpty: true}); err != nil {
		t.Errorf("a folder that looks empty: %v", err)
	}

	dir = t.TempDir()
	interrupt(t, dir, 5)
	days(8)
	if left := hidden(t, dir); len(left) > 0 {
		t.Errorf("after a week there are %q", left)
	}
}
