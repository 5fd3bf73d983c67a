package sftp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/testwait"
)

// TestABodyThatBreaksAsIfItEnded: an error that wraps io.EOF is no end, and what
// came before it is not stored.
func TestABodyThatBreaksAsIfItEnded(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := mustOpen(t, s.options(dir))
	for _, length := range []int{0, 10, 100_000} {
		for _, size := range []int64{-1, 200_000} {
			for _, broken := range []error{fmt.Errorf("the sender is gone: %w", io.EOF), io.ErrUnexpectedEOF, errors.New("broken")} {
				body := io.MultiReader(strings.NewReader(strings.Repeat("n", length)), iotest.ErrReader(broken))
				if _, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: size}); err == nil || !errors.Is(err, broken) {
					t.Errorf("%d bytes of %d, then %v: %v", length, size, broken, err)
				}
				if got := tree(t, dir); strings.Join(got, " ") != "f=old" {
					t.Fatalf("%d bytes of %d, then %v: there is %.60q", length, size, broken, got)
				}
			}
		}
	}
}

// underWay does something while an upload of a file with an old time waits for
// its name, and wants it stored all the same.
func underWay(t *testing.T, b *Backend, dir string, meanwhile func(temp string)) {
	t.Helper()
	old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	unlock, err := b.names.Lock(t.Context(), pathlock.One("f"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := b.Put(t.Context(), "f", strings.NewReader("new"), backend.PutOptions{Size: 3, ModTime: old})
		done <- err
	}()
	var temp string
	for end := time.Now().Add(testwait.Limit(t)); temp == ""; time.Sleep(time.Millisecond) {
		temps, err := filepath.Glob(filepath.Join(dir, hiddenPrefix+"*"))
		if err != nil || time.Now().After(end) {
			t.Fatalf("there is no upload: %v", err)
		}
		for _, name := range temps {
			if fi, err := os.Stat(name); err == nil && fi.ModTime().Equal(old) {
				temp = name
			}
		}
	}
	meanwhile(temp)
	unlock()
	if err := <-done; err != nil {
		t.Errorf("put: %v", err)
	}
	if got := tree(t, dir); strings.Join(got, " ") != "f=new" {
		t.Errorf("there is %q", got)
	}
}

// TestAnUploadUnderWayIsNotSwept by a listing of this davdisk, however old the
// temporary file looks.
func TestAnUploadUnderWayIsNotSwept(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	b := mustOpen(t, s.options(dir))
	underWay(t, b, dir, func(string) { list(t, b, ".") })
}
