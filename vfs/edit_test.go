package vfs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// openFile opens a file that is closed by the test, or not at all.
func openFile(tb testing.TB, f *vfs.FS, name string, flag int) afero.File {
	tb.Helper()
	h, err := f.OpenFile(name, flag, 0o666)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// overwrite writes at the begin of an open file.
func overwrite(tb testing.TB, h afero.File, content string) {
	tb.Helper()
	if _, err := h.WriteAt([]byte(content), 0); err != nil {
		tb.Fatal(err)
	}
}

// wants reads an open file from its begin.
func wants(tb testing.TB, doing string, h afero.File, want string) {
	tb.Helper()
	if _, err := h.Seek(0, io.SeekStart); err != nil {
		tb.Fatal(err)
	}
	if got, err := io.ReadAll(h); string(got) != want || err != nil {
		tb.Errorf("%s: an open file reads %q (%v), want %q", doing, got, err, want)
	}
}

// TestWhatIsDroppedIsNotSeen has another handle on a file whose change comes
// to nothing: what is stored is what is read.
func TestWhatIsDroppedIsNotSeen(t *testing.T) {
	abort := func(h afero.File) error { return h.(interface{ Abort() error }).Abort() }
	for name, test := range map[string]struct {
		end    func(h afero.File) error
		stores bool // the store takes nothing now
		fails  bool
	}{
		"aborted":           {abort, true, false},
		"it cannot be kept": {afero.File.Close, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := memory.New(memory.Options{})
			takes := true
			f := newFS(t, putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
				if !takes {
					return backend.Info{}, backend.PathError("put", name, backend.ErrUnavailable, "")
				}
				return b.Put(ctx, name, body, opts)
			}})
			write(t, f, "/a", "first")
			reader := openFile(t, f, "/a", os.O_RDONLY)
			defer reader.Close()
			h := openFile(t, f, "/a", os.O_RDWR)
			overwrite(t, h, "S")
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			wants(t, "stored", reader, "Sirst")

			takes = test.stores
			h = openFile(t, f, "/a", os.O_RDWR)
			overwrite(t, h, "T")
			wants(t, "being changed", reader, "Tirst")
			if err := test.end(h); (err != nil) != test.fails {
				t.Errorf("the end of it: %v", err)
			}
			wants(t, "dropped", reader, "Sirst")
			takes = true
			if got := tree(t, f); got != "a=Sirst" {
				t.Errorf("there is %q", got)
			}
		})
	}
}

// TestWriteErrorIsNotForgotten ignores an error of Write, as many do.
func TestWriteErrorIsNotForgotten(t *testing.T) {
	for name, begin := range map[string]string{"the first write": "", "a later write": "begin"} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/file"
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			f := newFS(t, memory.New(memory.Options{}), vfs.WithSpoolDir(file+"/no folder can be made below a file"))
			write(t, f, "/a", "old")
			h := openFile(t, f, "/a", os.O_WRONLY)
			if _, err := h.WriteString(begin); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Write(make([]byte, large)); err == nil {
				t.Fatal("there was room where there is none")
			}
			if err := h.Close(); err == nil {
				t.Error("closing a file of which a part is missing: nil")
			}
			if got := read(t, f, "/a"); got != "old" {
				t.Errorf("%q, want the old content", got)
			}
		})
	}
}

// shortOf is a store whose transfers end too early without a word, which none
// may do and some will.
type shortOf struct{ *memory.Backend }

func (s shortOf) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := s.Backend.Open(ctx, name, version)
	return shortContent{content}, err
}

type shortContent struct{ backend.Content }

func (c shortContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	body, err := c.Content.Range(ctx, offset, length)
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, 3), body}, err
}

// TestEditNeedsAllOfIt: what is stored must not become a file of what came.
func TestEditNeedsAllOfIt(t *testing.T) {
	b := shortOf{memory.New(memory.Options{})}
	f := newFS(t, b)
	write(t, f, "/a", "the old content")
	h := openFile(t, f, "/a", os.O_RDWR)
	if _, err := h.WriteAt([]byte("T"), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("writing to what cannot be loaded: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("closing what was not changed: %v", err)
	}
	if got := tree(t, newFS(t, b.Backend)); got != "a=the old content" {
		t.Errorf("there is %q", got)
	}
}

// TestReadGivesAllOfIt: a transfer that ends too early is taken up again, and
// its end is never taken for that of the file.
func TestReadGivesAllOfIt(t *testing.T) {
	f := newFS(t, shortOf{memory.New(memory.Options{})})
	write(t, f, "/a", "the old content")
	if got := read(t, f, "/a"); got != "the old content" {
		t.Errorf("it reads %q", got)
	}
}

// TestCloseDuringARename stores what was written under the name that the file
// has in the end.
func TestCloseDuringARename(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCounting(memory.Options{})
		f := newFS(t, b)
		write(t, f, "/a", "old")
		h := openFile(t, f, "/a", os.O_WRONLY|os.O_TRUNC)
		overwrite(t, h, "new")
		goOn := make(chan struct{})
		b.gate = func(op, _ string) {
			if op == "move" {
				<-goOn
			}
		}
		renamed, closed := make(chan error, 1), make(chan error, 1)
		go func() { renamed <- f.Rename("/a", "/b") }()
		synctest.Wait()
		go func() { closed <- h.Close() }()
		synctest.Wait()
		close(goOn)
		if err := <-renamed; err != nil {
			t.Errorf("rename: %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		if got := tree(t, f); got != "b=new" {
			t.Errorf("there is %q, want b=new", got)
		}
	})
}

// TestOneOfTwoWritersGivesUp: what the other has written is stored all the
// same.
func TestOneOfTwoWritersGivesUp(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	write(t, f, "/a", "old")
	one, other := openFile(t, f, "/a", os.O_RDWR), openFile(t, f, "/a", os.O_RDWR)
	overwrite(t, one, "O")
	if _, err := other.WriteAt([]byte("D"), 2); err != nil {
		t.Fatal(err)
	}
	if err := one.(interface{ Abort() error }).Abort(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, f); got != "a=OlD" {
		t.Errorf("there is %q", got)
	}
}

// TestAHandleOfWhatOthersReplaced cannot store over it, also if it needs
// nothing of the old content for that.
func TestAHandleOfWhatOthersReplaced(t *testing.T) {
	b := memory.New(memory.Options{})
	f := newFS(t, b, vfs.WithDirCache(0, 0))
	write(t, f, "/a", "old")
	h := openFile(t, f, "/a", os.O_RDWR)
	if _, err := b.Put(t.Context(), "a", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, "/a"); got != "theirs" {
		t.Fatalf("who opens it now reads %q", got)
	}
	if err := h.Truncate(0); err != nil {
		t.Fatal(err)
	}
	overwrite(t, h, "ours")
	if err := h.Close(); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("%v, want ErrChanged", err)
	}
	if got := tree(t, f); got != "a=theirs" {
		t.Errorf("there is %q", got)
	}
}

// slowOpen is a store that takes its time to open a file.
type slowOpen struct {
	*memory.Backend
	goOn chan struct{}
}

func (s slowOpen) Open(ctx context.Context, name, version string) (backend.Content, error) {
	<-s.goOn
	return s.Backend.Open(ctx, name, version)
}

// TestReadDuringARename finds the content under the name that it has by then.
func TestReadDuringARename(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := slowOpen{memory.New(memory.Options{}), make(chan struct{})}
		f := newFS(t, b)
		write(t, f, "/a", "content")
		h := openFile(t, f, "/a", os.O_RDWR) // which opens nothing in the store yet
		defer h.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			wants(t, "during a rename", h, "content")
		}()
		synctest.Wait()
		if err := f.Rename("/a", "/b"); err != nil {
			t.Fatal(err)
		}
		close(b.goOn)
		<-done
	})
}

// TestReadingHolesGivesZeros whatever was in the caller's buffer.
func TestReadingHolesGivesZeros(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	h := openFile(t, f, "/a", os.O_RDWR|os.O_CREATE)
	defer h.Close()
	if err := h.Truncate(200 << 10); err != nil {
		t.Fatal(err)
	}
	buffer := []byte(strings.Repeat("x", 100<<10))
	if n, err := h.ReadAt(buffer, 50<<10); n != len(buffer) || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if strings.Trim(string(buffer), "\x00") != "" {
		t.Error("a file that was only made longer holds what was in the buffer")
	}
}

// TestAbortBesideAWrite has one handle give up what it has written while another
// writes: what the other has written is stored when it is closed.
func TestAbortBesideAWrite(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	for range 2000 {
		write(t, f, "/f", "old content")
		aborted, kept := openFile(t, f, "/f", os.O_RDWR), openFile(t, f, "/f", os.O_RDWR)
		overwrite(t, aborted, "xxx")
		var both sync.WaitGroup
		both.Go(func() {
			if err := aborted.(interface{ Abort() error }).Abort(); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := kept.WriteAt([]byte("CONTENT"), 4); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if err := kept.Close(); err != nil {
			t.Fatal(err)
		}
		if got := read(t, f, "/f"); got != "old CONTENT" && got != "xxx CONTENT" {
			t.Fatalf("there is %q", got)
		}
	}
}
