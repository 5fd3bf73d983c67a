package sftp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
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
		temps, err := filepath.Glob(filepath.Join(dir, ownname.UnfinishedPrefix+"*"))
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

// TestATemporaryFileThatDisappears is a fault of the store; the name that was to
// be stored is not one that does not exist. A folder that does is.
func TestATemporaryFileThatDisappears(t *testing.T) {
	for _, name := range []string{"f", "d/f"} {
		for _, folder := range []bool{false, true} {
			s, dir := newServer(t), t.TempDir()
			at := filepath.Join(dir, filepath.Dir(name))
			if err := os.MkdirAll(at, 0o700); err != nil {
				t.Fatal(err)
			}
			b := mustOpen(t, s.options(dir))
			body := &watched{Reader: strings.NewReader("new"), at: 2, do: func() {
				temps, err := filepath.Glob(filepath.Join(at, ownname.UnfinishedPrefix+"*"))
				if err != nil || len(temps) != 1 {
					t.Errorf("there are %q, %v", temps, err)
				}
				for _, temp := range temps {
					if err := os.Remove(temp); err != nil {
						t.Error(err)
					}
				}
				if folder {
					if err := os.Remove(at); err != nil {
						t.Error(err)
					}
				}
			}}
			_, err := b.Put(t.Context(), name, body, backend.PutOptions{Size: -1})
			if missing := folder && name == "d/f"; err == nil || missing != errors.Is(err, fs.ErrNotExist) || missing == errors.Is(err, backend.ErrUnavailable) {
				t.Errorf("%s, without its folder: %v: %v", name, folder, err)
			}
		}
	}
}
