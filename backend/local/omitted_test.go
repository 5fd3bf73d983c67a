package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// TestWhatIsNotListedIsTold makes a folder with entries that cannot be served
// and wants each told by name, with a reason.
func TestWhatIsNotListedIsTold(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plain"), "inside")
	want := []string{}
	for name, to := range map[string]string{"nowhere": "missing", "up": "..", "here": ".", "within": "plain"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
		if name != "within" {
			want = append(want, name)
		}
	}
	if runtime.GOOS == "linux" { // other systems refuse such names, or change them
		write(t, filepath.Join(dir, "bad\xff"), "precious")
		want = append(want, "bad\xff")
	}
	b := open(t, dir)
	omitted, err := b.Omitted(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, err := range omitted {
		var p *fs.PathError
		if !errors.As(err, &p) || !errors.Is(err, errors.ErrUnsupported) || strings.HasSuffix(err.Error(), errors.ErrUnsupported.Error()) {
			t.Fatalf("%v does not tell what and why", err)
		}
		got = append(got, p.Path)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if got := names(t, b, "."); !slices.Equal(got, []string{"plain", "within"}) {
		t.Errorf("the listing has %q", got)
	}
}

// TestAFolderThatOnlyLooksEmptyStays removes on the condition that a folder is
// empty, which one with an entry that is not listed is not.
func TestAFolderThatOnlyLooksEmptyStays(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "d"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "d", "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	b := open(t, dir)
	if err := b.Remove(t.Context(), "d", backend.RemoveOptions{IfEmpty: true}); !errors.Is(err, backend.ErrNotEmpty) {
		t.Errorf("it said %v", err)
	}
	if got := onDisk(t, filepath.Join(dir, "d")); !slices.Equal(got, []string{"link"}) {
		t.Errorf("the folder has %q", got)
	}
}

// TestALinkIsRemovedByTheVersionItShows takes the version that Stat tells of a
// link as the condition of its removal.
func TestALinkIsRemovedByTheVersionItShows(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plain"), "content")
	if err := os.Symlink("plain", filepath.Join(dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	b := open(t, dir)
	info, err := b.Stat(t.Context(), "link")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), "link", backend.RemoveOptions{IfVersion: "another"}); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("with another version it said %v", err)
	}
	if err := b.Remove(t.Context(), "link", backend.RemoveOptions{IfVersion: info.Version}); err != nil {
		t.Error(err)
	}
	if got := onDisk(t, dir); !slices.Equal(got, []string{"plain"}) {
		t.Errorf("the folder has %q", got)
	}
	if err := os.Symlink("gone", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), "link", backend.RemoveOptions{IfVersion: info.Version}); err != nil {
		t.Errorf("a link that leads nowhere any more: %v", err)
	}
}

// TestACopyIsNotTheOriginal writes to copies of links, alone and in a folder.
func TestACopyIsNotTheOriginal(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"d", "real"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "real", "f"), "original")
	for name, to := range map[string]string{"d/file": "../real/f", "d/folder": "../real", "d/nowhere": "missing", "d/self": "."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	b := open(t, dir)
	for from, to := range map[string]string{"d": "copy", "d/file": "file", "d/folder": "real/folder"} {
		if err := b.Copy(t.Context(), from, to, backend.CopyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"copy/file", "copy/folder/f", "file", "real/folder/f"} {
		if got, err := read(t, b, name); err != nil || got != "original" {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
		if _, err := put(t, b, name, "changed", backend.PutOptions{}); err != nil {
			t.Error(err)
		}
	}
	if got, _ := read(t, b, "real/f"); got != "original" {
		t.Errorf("the original holds %q", got)
	}
	if to, err := os.Readlink(filepath.Join(dir, "copy", "nowhere")); err != nil || to != "missing" {
		t.Errorf("a link that leads nowhere leads to %q in the copy, %v", to, err)
	}
}

// TestAMovedLinkLeadsWhereItDid moves links to other folders.
func TestAMovedLinkLeadsWhereItDid(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"real", "a/b/c"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "real", "f"), "content")
	write(t, filepath.Join(dir, "a", "file"), "another")
	for name, to := range map[string]string{"file": "real/f", "folder": "real", "real/beside": "f", "nowhere": "missing"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	b := open(t, dir)
	for from, to := range map[string]string{"file": "a/b/c/file", "folder": "a/b/folder", "real/beside": "a/file"} {
		if err := b.Move(t.Context(), from, to, backend.MoveOptions{Overwrite: true}); err != nil {
			t.Errorf("move of %s: %v", from, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, from)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", from, err)
		}
	}
	for _, name := range []string{"a/b/c/file", "a/b/folder/f", "a/file", "real/f"} {
		if got, err := read(t, b, name); err != nil || got != "content" {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	if err := b.Move(t.Context(), "nowhere", "a/nowhere", backend.MoveOptions{}); err != nil {
		t.Error(err)
	}
	if got, want := onDisk(t, filepath.Join(dir, "a")), []string{"b", "file", "nowhere"}; !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
}
