package local_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// TestOpenFile: the file is that of the content, or none.
func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "f")
	for name, test := range map[string]struct {
		meanwhile func() error // between opening the content and the file
		err       error
		after     func() error // while the file is read
		changed   error
	}{
		"nothing":            {nil, nil, nil, nil},
		"written in place":   {func() error { return os.WriteFile(at, []byte("other"), 0o600) }, errors.ErrUnsupported, nil, nil},
		"replaced":           {func() error { return replace(dir, at) }, errors.ErrUnsupported, nil, nil},
		"gone":               {func() error { return os.Remove(at) }, fs.ErrNotExist, nil, nil},
		"written meanwhile":  {nil, nil, func() error { return os.WriteFile(at, []byte("other"), 0o600) }, backend.ErrChanged},
		"shorter meanwhile":  {nil, nil, func() error { return os.Truncate(at, 3) }, backend.ErrChanged},
		"replaced meanwhile": {nil, nil, func() error { return replace(dir, at) }, nil},
		"gone meanwhile":     {nil, nil, func() error { return os.Remove(at) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, at, "content")
			b := open(t, dir)
			c, err := b.Open(t.Context(), "f", "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if test.meanwhile != nil {
				if err := test.meanwhile(); err != nil {
					t.Fatal(err)
				}
			}
			f, unchanged, err := backend.OpenFile(t.Context(), c)
			if !errors.Is(err, test.err) {
				t.Fatalf("opened with %v, want %v", err, test.err)
			}
			if err != nil {
				return
			}
			defer f.Close()
			got, err := io.ReadAll(io.LimitReader(f, 4))
			if err != nil || string(got) != "cont" {
				t.Errorf("%q, %v", got, err)
			}
			if test.after != nil {
				if err := test.after(); err != nil {
					t.Fatal(err)
				}
			}
			if err := unchanged(); !errors.Is(err, test.changed) || err != nil && test.changed == nil {
				t.Errorf("changed: %v, want %v", err, test.changed)
			}
		})
	}
}

// replace gives another file the name.
func replace(dir, at string) error {
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("content"), 0o600); err != nil {
		return err
	}
	return os.Rename(other, at)
}

// TestOpenFileHasItsOwnOffset, because contents are shared.
func TestOpenFileHasItsOwnOffset(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), "content")
	c, err := open(t, dir).Open(t.Context(), "f", "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f, _, err := backend.OpenFile(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		first := make([]byte, 3)
		if _, err := io.ReadFull(f, first); err != nil || string(first) != "con" {
			t.Errorf("%q, %v", first, err)
		}
	}
	c.Close()
	if _, _, err := backend.OpenFile(t.Context(), c); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestOpenFileIsConfined: a link that leads out of the caller's folder is not
// followed, though the content was opened before it was one.
func TestOpenFileIsConfined(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "user", "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "user", "d", "f"), "content")
	ctx := backend.WithConfinement(t.Context(), []string{"user"})
	c, err := open(t, dir).Open(ctx, "user/d/f", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The file itself stays as it is, so that nothing else refuses it.
	if err := os.Rename(filepath.Join(dir, "user", "d"), filepath.Join(dir, "d")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../d", filepath.Join(dir, "user", "d")); err != nil {
		t.Skip("no links here:", err)
	}
	if f, _, err := backend.OpenFile(ctx, c); err == nil {
		f.Close()
		t.Error("a link out of the folder was followed")
	}
}
