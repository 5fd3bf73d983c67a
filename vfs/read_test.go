package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// ranges is a store that notes what is asked of content, and may break it.
type ranges struct {
	*counting
	mu    sync.Mutex
	asked []string
	body  func(r io.ReadCloser, nth int) (io.ReadCloser, error) // if set, wraps each
}

func newRanges(t *testing.T, content []byte) *ranges {
	r := &ranges{counting: newCounting(memory.Options{})}
	write(t, newFS(t, r.counting), "/f", string(content))
	r.gate = nil
	return r
}

func (r *ranges) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := r.counting.Open(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return rangesContent{content, r}, nil
}

type rangesContent struct {
	backend.Content
	r *ranges
}

func (c rangesContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	c.r.mu.Lock()
	c.r.asked = append(c.r.asked, fmt.Sprintf("%d+%d", offset, length))
	nth := len(c.r.asked)
	c.r.mu.Unlock()
	body, err := c.Content.Range(ctx, offset, length)
	if err != nil || c.r.body == nil {
		return body, err
	}
	return c.r.body(body, nth)
}

func (r *ranges) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked = nil
	return asked
}

func TestReadStreams(t *testing.T) {
	content := randomBytes(3<<20, 3)
	r := newRanges(t, content)
	f := newFS(t, r)
	h, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	got, err := io.ReadAll(h)
	if err != nil || string(got) != string(content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if asked := r.take(); !slices.Equal(asked, []string{"0+-1"}) {
		t.Errorf("reading all asked for %v, want one transfer", asked)
	}
	if _, err := h.Seek(1<<20, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(h, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Seek(50<<10, io.SeekCurrent); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 100)
	if _, err := io.ReadFull(h, part); err != nil {
		t.Fatal(err)
	}
	if at := 1<<20 + 100 + 50<<10; string(part) != string(content[at:at+100]) {
		t.Error("other bytes after a short seek")
	}
	if asked := r.take(); !slices.Equal(asked, []string{"1048576+-1"}) {
		t.Errorf("reading on after a short seek asked for %v, want one transfer", asked)
	}
}

func TestReadAtReadsAheadMoreAndMore(t *testing.T) {
	content := randomBytes(3<<20, 4)
	r := newRanges(t, content)
	f := newFS(t, r, vfs.WithReadAhead(1<<20))
	h, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	part := make([]byte, 16<<10)
	for off := int64(0); off < int64(len(content)); off += int64(len(part)) {
		if n, err := h.ReadAt(part, off); n != len(part) || err != nil {
			t.Fatalf("%d bytes at %d, %v", n, off, err)
		}
		if string(part) != string(content[off:off+int64(len(part))]) {
			t.Fatalf("other bytes at %d", off)
		}
	}
	want := []string{"0+131072", "131072+262144", "393216+524288", "917504+1048576", "1966080+1048576", "3014656+-1"}
	if asked := r.take(); !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

func TestReadAtFromManyGoroutines(t *testing.T) {
	content := randomBytes(2<<20, 5)
	for name, opts := range map[string][]vfs.Option{"plain": nil, "content cache": {vfs.WithCacheDir(t.TempDir(), 64<<20)}} {
		t.Run(name, func(t *testing.T) {
			f := newFS(t, newRanges(t, content), opts...)
			h, err := f.Open("/f")
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					part := make([]byte, 10_000)
					for i := range 50 {
						off := int64((g*131_071 + i*70_001) % (len(content) - len(part)))
						if _, err := h.ReadAt(part, off); err != nil {
							t.Error(err)
						}
						if string(part) != string(content[off:off+int64(len(part))]) {
							t.Errorf("other bytes at %d", off)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestContentCache(t *testing.T) {
	content := randomBytes(1<<20+12_345, 6)
	r := newRanges(t, content)
	dir := t.TempDir()
	for run := range 2 { // the second one after a restart
		f := newFS(t, r, vfs.WithCacheDir(dir, 64<<20))
		if got := read(t, f, "/f"); got != string(content) {
			t.Fatal("other bytes")
		}
		want := []int{1, 0}[run]
		if asked := r.take(); len(asked) != want {
			t.Errorf("run %d asked for %v, want %d transfers", run, asked, want)
		}
		if err := f.Move("/f", "/g", false); err != nil {
			t.Fatal(err)
		}
		if got := read(t, f, "/g"); got != string(content) || len(r.take()) > 0 {
			t.Error("another name of the same content was not read from the cache")
		}
		if err := f.Move("/g", "/f", false); err != nil {
			t.Fatal(err)
		}
	}
	f := newFS(t, r, vfs.WithCacheDir(dir, 64<<20))
	write(t, f, "/f", "new content")
	if got := read(t, f, "/f"); got != "new content" {
		t.Errorf("%q from the cache", got)
	}
}

// cacheFiles returns the number of files in the folder of a content cache.
func cacheFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unhashed hides the hashes of a store's content.
type unhashed struct{ *ranges }

func (u unhashed) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := u.ranges.Open(ctx, name, version)
	return unhashedContent{content}, err
}

type unhashedContent struct{ backend.Content }

func (c unhashedContent) Info() backend.Info {
	info := c.Content.Info()
	info.MD5, info.SHA256 = "", ""
	return info
}

// TestLeavingACachedFile: of content that is not read to its end nothing is kept
// if it has a hash to be compared with, and the chunks that were read otherwise.
func TestLeavingACachedFile(t *testing.T) {
	const size, begun = 1<<20 + 5, 600_000
	content := randomBytes(size, 7)
	for name, test := range map[string]struct {
		store func(r *ranges) backend.Backend
		files int
		asked string
	}{
		"a hash":  {func(r *ranges) backend.Backend { return r }, 0, "0+-1"},
		"no hash": {func(r *ranges) backend.Backend { return unhashed{r} }, begun / (256 << 10), "524288+-1"},
	} {
		r, dir := newRanges(t, content), t.TempDir()
		f := newFS(t, test.store(r), vfs.WithCacheDir(dir, 64<<20))
		h := openFile(t, f, "/f", os.O_RDONLY)
		part := make([]byte, begun)
		if _, err := io.ReadFull(h, part); err != nil || string(part) != string(content[:begun]) {
			t.Fatal(name, err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(name, err)
		}
		if n := cacheFiles(t, dir); n != test.files {
			t.Errorf("%s: %d files in the cache, want %d", name, n, test.files)
		}
		r.take()
		if got := read(t, f, "/f"); got != string(content) {
			t.Errorf("%s: later it has other bytes", name)
		}
		if asked := r.take(); !slices.Equal(asked, []string{test.asked}) {
			t.Errorf("%s: later it asked for %v, want %s", name, asked, test.asked)
		}
		if got := read(t, f, "/f"); got != string(content) || len(r.take()) > 0 {
			t.Errorf("%s: it is not read from the cache", name)
		}
	}
}

// TestPartsOfACachedFile: a part that Read returns is requested as it is, because
// what precedes it is not wanted. It takes no room in the cache either.
func TestPartsOfACachedFile(t *testing.T) {
	content := randomBytes(1<<20, 8)
	r, dir := newRanges(t, content), t.TempDir()
	f := newFS(t, r, vfs.WithCacheDir(dir, 64<<20))
	h := openFile(t, f, "/f", os.O_RDONLY)
	defer h.Close()
	for _, off := range []int64{700_000, 100} {
		part := make([]byte, 300_000)
		if _, err := h.Seek(off, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(h, part); err != nil || string(part) != string(content[off:off+300_000]) {
			t.Fatalf("from %d on: %v", off, err)
		}
		if asked := r.take(); !slices.Equal(asked, []string{fmt.Sprintf("%d+-1", off)}) {
			t.Errorf("from %d on: asked for %v", off, asked)
		}
	}
	if n := cacheFiles(t, dir); n != 0 {
		t.Errorf("%d files in the cache", n)
	}
}

// TestLargeFileInTheCache: it leaves what else is cached.
func TestLargeFileInTheCache(t *testing.T) {
	large, small := randomBytes(3<<20, 9), randomBytes(700_000, 10)
	for name, store := range map[string]func(r *ranges) backend.Backend{
		"a hash": func(r *ranges) backend.Backend { return r }, "no hash": func(r *ranges) backend.Backend { return unhashed{r} },
	} {
		r := newRanges(t, large)
		write(t, newFS(t, r), "/small", string(small))
		r.take()
		f := newFS(t, store(r), vfs.WithCacheDir(t.TempDir(), 3<<20))
		for range 2 {
			if read(t, f, "/small") != string(small) || read(t, f, "/f") != string(large) || read(t, f, "/f") != string(large) {
				t.Fatal(name, "other bytes")
			}
		}
		want := []string{"0+-1", "0+-1", "524288+-1", "524288+-1", "524288+-1"} // 3 of 12 chunks do not fit into the share
		if asked := r.take(); !slices.Equal(asked, want) {
			t.Errorf("%s: asked for %v, want %v", name, asked, want)
		}
	}
}

// breaking is a body that breaks off after some bytes.
type breaking struct {
	io.ReadCloser
	left int
	err  error
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func TestBrokenTransferIsTakenUpAgain(t *testing.T) {
	content := randomBytes(1<<20, 7)
	down := backend.PathError("read", "f", backend.ErrUnavailable, "reset")
	tests := []struct {
		name   string
		left   func(nth int) int // bytes that the nth transfer gives
		broken error
		want   error
	}{
		{"now and then", func(int) int { return 300_000 }, down, nil},
		{"cut short", func(int) int { return 300_000 }, io.EOF, nil},
		{"at the begin", func(nth int) int { return max(0, nth-2) * 300_000 }, down, nil},
		{"for good", func(nth int) int { return map[bool]int{true: 300_000}[nth == 1] }, down, backend.ErrUnavailable},
		{"changed", func(int) int { return 300_000 }, backend.PathError("read", "f", backend.ErrChanged, ""), backend.ErrChanged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRanges(t, content)
			r.body = func(body io.ReadCloser, nth int) (io.ReadCloser, error) {
				return &breaking{body, test.left(nth), test.broken}, nil
			}
			f := newFS(t, r)
			h, err := f.Open("/f")
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			got, err := io.ReadAll(h)
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if string(got) != string(content[:len(got)]) || test.want == nil && len(got) != len(content) {
				t.Errorf("%d bytes, and not those of the file", len(got))
			}
			var status interface {
				HTTPStatus() (int, time.Duration)
			}
			if test.want != nil {
				if !errors.As(err, &status) {
					t.Fatalf("%v has no status", err)
				}
				if code, _ := status.HTTPStatus(); code != 503 {
					t.Errorf("status %d, want 503", code)
				}
			}
		})
	}
}

// TestCloseEndsRead closes a file while a read waits for the store.
func TestCloseEndsRead(t *testing.T) {
	r := newRanges(t, []byte("content"))
	reading := make(chan struct{})
	f := newFS(t, waiting{r, reading})
	h, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := h.Read(make([]byte, 10))
		done <- err
	}()
	<-reading
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}

// waiting is a store whose transfers begin when their context ends.
type waiting struct {
	*ranges
	reading chan struct{}
}

func (w waiting) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := w.ranges.Open(ctx, name, version)
	return waitingContent{content, w}, err
}

type waitingContent struct {
	backend.Content
	w waiting
}

func (c waitingContent) Range(ctx context.Context, _, _ int64) (io.ReadCloser, error) {
	close(c.w.reading)
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestOpenFileKeepsItsVersion has the file replaced behind our back while it
// is open.
func TestOpenFileKeepsItsVersion(t *testing.T) {
	b := memory.New(memory.Options{})
	f := newFS(t, b)
	write(t, f, "/f", "old content")
	h, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := b.Put(t.Context(), "f", strings.NewReader("NEW CONTENT!"), backend.PutOptions{Size: 12}); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(h); string(got) != "old content" || err != nil {
		t.Errorf("%q, %v, want the version that was there when it was opened", got, err)
	}
}

// TestOpenAfterForeignChange has a listing that is still believed name a
// version that is gone.
func TestOpenAfterForeignChange(t *testing.T) {
	b := memory.New(memory.Options{})
	f := newFS(t, b)
	write(t, f, "/f", "old")
	tree(t, f)
	if _, err := b.Put(t.Context(), "f", strings.NewReader("newer"), backend.PutOptions{Size: 5}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, "/f"); got != "newer" {
		t.Errorf("%q, want what is there", got)
	}
	if err := b.Remove(t.Context(), "f", backend.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open("/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want not exist", err)
	}
}
