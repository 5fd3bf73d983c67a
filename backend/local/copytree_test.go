package local_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/backend"
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
