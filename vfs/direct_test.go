package vfs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestLargePutIntoAFolderIsNotSpooled: there is no room for that, and none needed.
func TestLargePutIntoAFolderIsNotSpooled(t *testing.T) {
	content := randomBytes(large, 1)
	noFolder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(noFolder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noRoom := vfs.WithSpoolDir(noFolder)
	spooled := newFS(t, memory.New(memory.Options{}), noRoom)
	if _, err := spooled.Put("/f", bytes.NewReader(content), large, time.Time{}, "", false); err == nil {
		t.Fatal("a spool in what is no folder")
	}
	dir := t.TempDir()
	f := newFS(t, openLocal(t, dir), noRoom, vfs.WithSpoolSize(1))

	// While one comes, another is stored: they take no room from each other.
	source, client := io.Pipe()
	defer client.Close() // a failure does not leave the file system waiting
	stored := make(chan error, 1)
	go func() {
		_, err := f.Put("/slow", source, large, time.Time{}, "", false)
		source.Close() // the client is not left waiting if that failed
		stored <- err
	}()
	if _, err := client.Write(content[:large/2]); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Put("/f", bytes.NewReader(content), large, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(content[large/2:]); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/f", "/slow"} {
		if read(t, f, name) != string(content) {
			t.Errorf("%s has other content", name)
		}
	}
}

// TestLargePutIntoAFolderThatFails leaves the old content and nothing else.
func TestLargePutIntoAFolderThatFails(t *testing.T) {
	content := randomBytes(large+1, 1)
	broken := errors.New("broken")
	canceled, cancel := context.WithCancel(t.Context())
	for name, test := range map[string]struct {
		body io.Reader
		ctx  context.Context
		err  error // nil: any
	}{
		"short":   {bytes.NewReader(content[:large-1]), t.Context(), io.ErrUnexpectedEOF},
		"empty":   {bytes.NewReader(nil), t.Context(), io.ErrUnexpectedEOF},
		"long":    {bytes.NewReader(content), t.Context(), nil},
		"broken":  {io.MultiReader(bytes.NewReader(content[:large-1]), iotest.ErrReader(broken)), t.Context(), broken},
		"at end":  {io.MultiReader(bytes.NewReader(content[:large]), iotest.ErrReader(broken)), t.Context(), broken},
		"left by": {io.MultiReader(bytes.NewReader(content[:large/2]), leaving(cancel), bytes.NewReader(content[large/2:large])), canceled, context.Canceled},
	} {
		dir := t.TempDir()
		f := newFS(t, openLocal(t, dir))
		write(t, f, "/f", "old")
		_, err := f.WithContext(test.ctx).(*vfs.FS).Put("/f", test.body, large, time.Time{}, "", false)
		if err == nil || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
		if got := read(t, f, "/f"); got != "old" {
			t.Errorf("%s: the file has %d bytes", name, len(got))
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%s: left are %v, %v", name, left, err)
		}
	}
}

// leaving is an empty source that ends a context.
type leaving context.CancelFunc

func (l leaving) Read([]byte) (int, error) {
	l()
	return 0, io.EOF
}
