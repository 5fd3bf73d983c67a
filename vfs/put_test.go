package vfs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

const large = 9 << 20 // more than is gathered in memory

// randomBytes are n bytes that differ from one seed to the next.
func randomBytes(n int, seed uint64) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed)})
	data := make([]byte, n)
	source.Read(data)
	return data
}

// putter is a store of which a test sees what Put is given.
type putter struct {
	*memory.Backend
	put func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error)
}

func (p putter) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	return p.put(ctx, name, body, opts)
}

// TestLargePutIsSentAsItComes has a client that sends the second half only
// when the first has arrived in the store.
func TestLargePutIsSentAsItComes(t *testing.T) {
	content := randomBytes(large, 1)
	arrived := make(chan struct{})
	b := memory.New(memory.Options{})
	f := newFS(t, putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
		first := make([]byte, large/2)
		if _, err := io.ReadFull(body, first); err != nil {
			return backend.Info{}, err
		}
		close(arrived)
		return b.Put(ctx, name, io.MultiReader(bytes.NewReader(first), body), opts)
	}}, vfs.WithSpoolDir(t.TempDir()))
	source, client := io.Pipe()
	go func() {
		client.Write(content[:large/2])
		<-arrived
		client.Write(content[large/2:])
		client.Close()
	}()
	if _, err := f.Put("/a", source, large, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, "/a"); got != string(content) {
		t.Error("the content is another")
	}
}

// TestLargePutCanBeTakenUpAgain has a driver that goes back in the middle, as
// for an upload that has broken off.
func TestLargePutCanBeTakenUpAgain(t *testing.T) {
	content := randomBytes(large, 2)
	b := memory.New(memory.Options{})
	f := newFS(t, putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
		seeker, ok := body.(io.ReadSeeker)
		if !ok {
			t.Fatal("the body cannot be read again")
		}
		for _, back := range []int64{0, 100_000, 0} {
			if _, err := io.CopyN(io.Discard, seeker, 5<<20); err != nil {
				return backend.Info{}, err
			}
			if _, err := seeker.Seek(back, io.SeekStart); err != nil {
				return backend.Info{}, err
			}
		}
		return b.Put(ctx, name, seeker, opts)
	}}, vfs.WithSpoolDir(t.TempDir()))
	if _, err := f.Put("/a", bytes.NewReader(content), large, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, "/a"); got != string(content) {
		t.Error("the content is another")
	}
}

func TestBrokenLargePut(t *testing.T) {
	gone := errors.New("the client is gone")
	bodies := map[string]struct {
		body io.Reader
		want error
	}{
		"fails":          {io.MultiReader(bytes.NewReader(make([]byte, large/2)), failing{gone}), gone},
		"fails at last":  {io.MultiReader(bytes.NewReader(make([]byte, large)), failing{gone}), gone},
		"ends too early": {bytes.NewReader(make([]byte, large-1)), io.ErrUnexpectedEOF},
		"ends too late":  {bytes.NewReader(make([]byte, large+1)), nil},
	}
	for name, test := range bodies {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := newFS(t, memory.New(memory.Options{}), vfs.WithSpoolDir(dir))
			write(t, f, "/a", "old")
			_, err := f.Put("/a", test.body, large, time.Time{}, "", false)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if got := tree(t, f); got != "a=old" {
				t.Errorf("%q, want the old content", got)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%d files are left in the spool", len(left))
			}
		})
	}
}

// TestSlowPutKeepsNobodyWaiting looks at a file and its neighbors while it is
// being stored.
func TestSlowPutKeepsNobodyWaiting(t *testing.T) {
	for name, size := range map[string]int64{"small": 6, "large": large, "unknown": -1} {
		t.Run(name, func(t *testing.T) {
			f := newFS(t, memory.New(memory.Options{}), vfs.WithSpoolDir(t.TempDir()))
			write(t, f, "/a", "old")
			source, client := io.Pipe()
			done := make(chan error)
			go func() {
				_, err := f.Put("/a", source, size, time.Time{}, "", false)
				done <- err
			}()
			if _, err := io.WriteString(client, "new"); err != nil {
				t.Fatal(err)
			}
			if got := tree(t, f); got != "a=old" {
				t.Errorf("meanwhile: %q", got)
			}
			write(t, f, "/b", "beside")
			gone := errors.New("the client is gone")
			client.CloseWithError(gone)
			if err := <-done; !errors.Is(err, gone) {
				t.Errorf("%v, want that the client is gone", err)
			}
			if got := tree(t, f); got != "a=old b=beside" {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestPutAndOpenFiles replaces a file that others are reading and changing.
func TestPutAndOpenFiles(t *testing.T) {
	for name, replace := range map[string]func(f *vfs.FS) error{
		"put": func(f *vfs.FS) error {
			_, err := f.Put("/a", strings.NewReader("a whole new one"), -1, time.Time{}, "", false)
			return err
		},
		"copy": func(f *vfs.FS) error { return f.Copy("/b", "/a", true, -1) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFS(t, memory.New(memory.Options{}))
			write(t, f, "/a", "the old content")
			write(t, f, "/b", "a whole new one")
			reader := openFile(t, f, "/a", os.O_RDONLY)
			defer reader.Close()
			writer := openFile(t, f, "/a", os.O_RDWR)
			overwrite(t, writer, "THE")
			if err := replace(f); err != nil {
				t.Fatal(err)
			}
			wants(t, "afterwards", reader, "THE old content")
			if got := read(t, f, "/a"); got != "a whole new one" {
				t.Errorf("who opens it now reads %q", got)
			}
			if err := writer.Close(); !errors.Is(err, backend.ErrChanged) {
				t.Errorf("storing over a file that was replaced: %v, want ErrChanged", err)
			}
			if got := read(t, f, "/a"); got != "a whole new one" {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestWhatIsTakenAwayCanStillBeRead through a handle that has not read yet.
func TestWhatIsTakenAwayCanStillBeRead(t *testing.T) {
	for name, away := range map[string]func(f *vfs.FS) error{
		"put": func(f *vfs.FS) error {
			_, err := f.Put("/d/a", strings.NewReader("new"), 3, time.Time{}, "", false)
			return err
		},
		"rename over": func(f *vfs.FS) error { return f.Rename("/b", "/d/a") },
		"copy over":   func(f *vfs.FS) error { return f.Copy("/b", "/d/a", true, -1) },
		"remove":      func(f *vfs.FS) error { return f.Remove("/d/a") },
		"remove all":  func(f *vfs.FS) error { return f.RemoveAll("/d") },
		"replace":     func(f *vfs.FS) error { return f.Move("/b", "/d", true) },
		"a new file": func(f *vfs.FS) error { // which is not stored yet when it takes the name
			h := openFile(t, f, "/new", os.O_WRONLY|os.O_CREATE)
			defer h.Close()
			overwrite(t, h, "new")
			return f.Rename("/new", "/d/a")
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFS(t, memory.New(memory.Options{}))
			if err := f.Mkdir("/d", 0o777); err != nil {
				t.Fatal(err)
			}
			write(t, f, "/d/a", "old")
			write(t, f, "/b", "other")
			h := openFile(t, f, "/d/a", os.O_RDWR)
			defer h.Close()
			if err := away(f); err != nil {
				t.Fatal(err)
			}
			wants(t, name, h, "old")
		})
	}
}

// TestPutAndAFileBeingWritten judges its conditions by what is seen here, also
// of what is not stored yet.
func TestPutAndAFileBeingWritten(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	made := openFile(t, f, "/made", os.O_WRONLY|os.O_CREATE)
	defer made.Close()
	overwrite(t, made, "x")
	if _, err := f.Put("/made", strings.NewReader("y"), 1, time.Time{}, "", true); !errors.Is(err, os.ErrExist) {
		t.Errorf("only if there is nothing, where a file is being made: %v, want ErrExist", err)
	}
	info, err := f.Put("/a", strings.NewReader("old"), 3, time.Time{}, "", false)
	if err != nil {
		t.Fatal(err)
	}
	changed := openFile(t, f, "/a", os.O_RDWR)
	defer changed.Close()
	overwrite(t, changed, "OLD")
	tag := info.(interface{ ETag() string }).ETag()
	if _, err := f.Put("/a", strings.NewReader("new"), 3, time.Time{}, tag, false); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("only if it is as it was, where it is being changed: %v, want ErrChanged", err)
	}
	if err := f.Delete("/a", tag); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("deleting the same: %v, want ErrChanged", err)
	}
}

// TestEditDoesNotOverwriteOthers changes a part of a file that someone else
// changes meanwhile.
func TestEditDoesNotOverwriteOthers(t *testing.T) {
	b := memory.New(memory.Options{})
	f := newFS(t, b)
	write(t, f, "/a", "old")
	h, err := f.OpenFile("/a", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteAt([]byte("N"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), "a", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("%v, want ErrChanged", err)
	}
	if got := read(t, f, "/a"); got != "theirs" {
		t.Errorf("%q, want theirs", got)
	}
}

func TestCloseReportsThatNothingWasStored(t *testing.T) {
	full := errors.New("full")
	b := memory.New(memory.Options{})
	f := newFS(t, putter{b, func(context.Context, string, io.Reader, backend.PutOptions) (backend.Info, error) {
		return backend.Info{}, backend.PathError("put", "a", backend.ErrQuota, full.Error())
	}})
	h, err := f.Create("/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	err = h.Close()
	var status interface {
		HTTPStatus() (int, time.Duration)
	}
	if !errors.Is(err, backend.ErrQuota) || !errors.As(err, &status) {
		t.Fatalf("%v, want ErrQuota", err)
	}
	if code, _ := status.HTTPStatus(); code != 507 {
		t.Errorf("status %d, want 507", code)
	}
	if got := tree(t, f); got != "" {
		t.Errorf("%q is shown though it was not stored", got)
	}
}

func TestCreateExclusivelyIsCheckedByTheStore(t *testing.T) {
	b := memory.New(memory.Options{})
	f := newFS(t, b)
	h, err := f.OpenFile("/a", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteString("ours"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), "a", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); !os.IsExist(errors.Unwrap(err)) && !errors.Is(err, os.ErrExist) {
		t.Errorf("%v, want that it exists", err)
	}
	if got := read(t, f, "/a"); got != "theirs" {
		t.Errorf("%q, want theirs", got)
	}
}

// TestCloseWaits ends a file system while something is being stored.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Options{})
		goOn := make(chan struct{})
		f, err := vfs.New(putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
			<-goOn
			return b.Put(ctx, name, body, opts)
		}})
		if err != nil {
			t.Fatal(err)
		}
		stored, closed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := f.Put("/a", strings.NewReader("x"), 1, time.Time{}, "", false)
			stored <- err
		}()
		synctest.Wait()
		go func() { closed <- f.Close() }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("closed while a file was being stored: %v", err)
		default:
		}
		close(goOn)
		if err := <-stored; err != nil {
			t.Error(err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if _, err := f.Put("/b", strings.NewReader("x"), 1, time.Time{}, "", false); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	})
}

// TestSpoolIsBounded has a body that takes all the room there is and stands
// still. Another one waits, whether its size was announced or not; then it is
// refused, or stored if the first has ended.
func TestSpoolIsBounded(t *testing.T) {
	for _, size := range []int64{-1, 500} {
		synctest.Test(t, func(t *testing.T) {
			f := newFS(t, memory.New(memory.Options{}), vfs.WithSpoolSize(1000))
			body, send := io.Pipe()
			put := func(name string, body io.Reader, size int64) <-chan error {
				result := make(chan error, 1)
				go func() {
					_, err := f.Put(name, body, size, time.Time{}, "", false)
					result <- err
				}()
				return result
			}
			first := put("/first", body, -1)
			if _, err := send.Write(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()

			begun := time.Now()
			err := <-put("/second", strings.NewReader(strings.Repeat("y", 500)), size)
			var status interface {
				HTTPStatus() (int, time.Duration)
			}
			if !errors.As(err, &status) || time.Since(begun) != time.Minute {
				t.Fatalf("without room: %v, after %v", err, time.Since(begun))
			}
			if code, _ := status.HTTPStatus(); code != http.StatusServiceUnavailable {
				t.Errorf("without room: %d", code)
			}
			second := put("/second", strings.NewReader(strings.Repeat("y", 500)), size)
			synctest.Wait()
			if _, err := send.Write(make([]byte, 5000)); err != nil { // the first goes on
				t.Fatal(err)
			}
			send.Close()
			if err := errors.Join(<-first, <-second); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]int64{"/first": 6000, "/second": 500} {
				if fi, err := f.Stat(name); err != nil || fi.Size() != want {
					t.Errorf("%s: %v, %v", name, fi, err)
				}
			}
		})
	}
}

// TestBodyBeyondTheLimit has a body of unknown length that never ends: no more of
// it is read than the store accepts, if that is known.
func TestBodyBeyondTheLimit(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{Total: 1 << 40, MaxFile: 3 << 20}))
	if _, _, err := f.Usage(); err != nil {
		t.Fatal(err)
	}
	var read int64
	body := readerFunc(func(p []byte) (int, error) { read += int64(len(p)); clear(p); return len(p), nil })
	if _, err := f.Put("/f", body, -1, time.Time{}, "", false); !errors.Is(err, backend.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	if read > 4<<20 {
		t.Errorf("%d bytes were read", read)
	}
	if _, err := f.Stat("/f"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was stored: %v", err)
	}
	if _, err := f.Put("/f", io.LimitReader(body, 3<<20), -1, time.Time{}, "", false); err != nil {
		t.Errorf("the largest: %v", err)
	}
}

// readerFunc is an io.Reader made of its method.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
