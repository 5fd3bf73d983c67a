package spool

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"
)

// pools are one that keeps all in memory, one that goes over to disk half-way,
// and one that has no memory at all.
func pools(dir string) map[string]*Pool {
	return map[string]*Pool{
		"memory": NewPool(dir, 1<<30, 1<<30),
		"both":   NewPool(dir, 100_000, 1<<30),
		"disk":   NewPool(dir, 0, 0),
	}
}

// TestAgainstBytes does random things to a file and to a slice of bytes.
func TestAgainstBytes(t *testing.T) {
	for name, pool := range pools(t.TempDir()) {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for range 20 {
				f := pool.New()
				var want []byte
				grow := func(size int) {
					for len(want) < size {
						want = append(want, make([]byte, size-len(want))...)
					}
				}
				for range 60 {
					switch off := random.IntN(200_000); random.IntN(4) {
					case 0, 1:
						data := bytes.Repeat([]byte{byte(random.Uint32())}, random.IntN(80_000))
						if n, err := f.WriteAt(data, int64(off)); n != len(data) || err != nil {
							t.Fatal(n, err)
						}
						if len(data) > 0 {
							grow(off + len(data))
							copy(want[off:], data)
						}
					case 2:
						if err := f.Truncate(int64(off)); err != nil {
							t.Fatal(err)
						}
						want = want[:min(len(want), off)]
						want = append([]byte(nil), want...)
						grow(off)
					case 3:
						got := make([]byte, random.IntN(80_000))
						n, err := f.ReadAt(got, int64(off))
						if off >= len(want) {
							if n != 0 || len(got) > 0 && err != io.EOF {
								t.Fatalf("beyond the end: %d, %v", n, err)
							}
						} else if !bytes.Equal(got[:n], want[off:min(len(want), off+len(got))]) {
							t.Fatal("other bytes")
						}
					}
				}
				if got, err := io.ReadAll(f.Reader()); err != nil || !bytes.Equal(got, want) || f.Size() != int64(len(want)) {
					t.Fatalf("%d bytes, %v, want %d", len(got), err, len(want))
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if used := pool.used.Load(); used != 0 {
				t.Errorf("%d bytes of memory are still counted", used)
			}
		})
	}
}

// TestChunksAreUsedAgain, and nothing of what was in them is seen.
func TestChunksAreUsedAgain(t *testing.T) {
	pool := NewPool(t.TempDir(), 1<<20, 1<<20)
	secret := bytes.Repeat([]byte("secret"), 100_000)
	for range 20 {
		f := pool.New()
		if n, err := Fill(f, bytes.NewReader(secret), int64(len(secret))); err != nil || n != int64(len(secret)) {
			t.Fatal(n, err)
		}
		f.Close()
		f = pool.New()
		if _, err := f.WriteAt([]byte("x"), 300_000); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f.Reader())
		if err != nil || !bytes.Equal(got, append(make([]byte, 300_000), 'x')) {
			t.Fatalf("bytes of another file, %v", err)
		}
		f.Close()
	}
	small := func() {
		f := pool.New()
		if _, err := Fill(f, bytes.NewReader(secret[:4096]), 4096); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 200 {
		small()
	}
	runtime.ReadMemStats(&after)
	// Two chunks each would be 25 MiB; the race detector drops some at random.
	if made := after.TotalAlloc - before.TotalAlloc; made > 15<<20 {
		t.Errorf("200 files of 4 KiB allocate %d bytes", made)
	}
}

func TestMemoryIsShared(t *testing.T) {
	dir := t.TempDir()
	pool := NewPool(dir, 1<<20, 2<<20)
	var files []*File
	for range 4 {
		f := pool.New()
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	onDisk := 0
	for _, f := range files {
		if f.disk != nil {
			onDisk++
		}
		f.Close()
	}
	if onDisk != 2 {
		t.Errorf("%d of 4 files are on disk, want 2", onDisk)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestClosed(t *testing.T) {
	for name, pool := range pools(t.TempDir()) {
		f := pool.New()
		f.Write([]byte("x"))
		if err := f.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("%s: second Close: %v", name, err)
		}
		_, reads := f.ReadAt(make([]byte, 1), 0)
		_, writes := f.Write([]byte("x"))
		for _, err := range []error{reads, writes, f.Truncate(1)} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", name, err)
			}
		}
	}
}

func TestPassing(t *testing.T) {
	content := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{1}).Read(content)
	for name, pool := range pools(t.TempDir()) {
		t.Run(name, func(t *testing.T) {
			f := pool.New()
			defer f.Close()
			p := Tee(f, iotest.HalfReader(bytes.NewReader(content)), int64(len(content)))
			defer p.Close()
			for _, back := range []int64{0, 70_000, 0} {
				if _, err := io.CopyN(io.Discard, p, 100_000); err != nil {
					t.Fatal(err)
				}
				if at, err := p.Seek(back, io.SeekStart); at != back || err != nil {
					t.Fatal(at, err)
				}
			}
			if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if n, err := p.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("at the end: %d, %v", n, err)
			}
			if _, err := p.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(p, content); err != nil {
				t.Error(err)
			}
		})
	}
}

// countedReads counts the reads of a source.
type countedReads struct {
	io.Reader
	n int
}

func (r *countedReads) Read(p []byte) (int, error) {
	r.n++
	return r.Reader.Read(p)
}

// TestPassingReadsBlocks: a source is read by blocks, whatever the reader asks for.
func TestPassingReadsBlocks(t *testing.T) {
	content := make([]byte, 3*blockSize+5)
	rand.NewChaCha8([32]byte{1}).Read(content)
	f := NewPool(t.TempDir(), 0, 0).New()
	defer f.Close()
	src := &countedReads{Reader: bytes.NewReader(content)}
	p := Tee(f, src, int64(len(content)))
	for range 2 { // also after going back
		var got bytes.Buffer
		if _, err := io.CopyBuffer(struct{ io.Writer }{&got}, p, make([]byte, 1000)); err != nil || !bytes.Equal(got.Bytes(), content) {
			t.Errorf("%d bytes, %v", got.Len(), err)
		}
		if src.n != 5 { // the last finds the end
			t.Errorf("%d reads of the source", src.n)
		}
		p.Seek(0, io.SeekStart)
	}
}

// TestPassingNeverGivesAllOfABrokenSource: a transfer that has got as many
// bytes as were announced may take itself for complete.
func TestPassingNeverGivesAllOfABrokenSource(t *testing.T) {
	gone := errors.New("gone")
	const size = 1000
	sources := map[string]io.Reader{
		"too short": bytes.NewReader(make([]byte, size-1)),
		"too long":  bytes.NewReader(make([]byte, size+1)),
		"broken":    io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(gone)),
	}
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			f := NewPool(t.TempDir(), 1<<20, 1<<20).New()
			defer f.Close()
			p := Tee(f, src, size)
			for range 2 { // also after going back
				got, err := io.ReadAll(p)
				if err == nil || len(got) >= size {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				p.Seek(0, io.SeekStart)
			}
		})
	}
}

// TestPassingWithoutASpool: what cannot be kept cannot be sent again, so it is
// not sent at all.
func TestPassingWithoutASpool(t *testing.T) {
	f := NewPool(t.TempDir(), 1<<20, 1<<20).New()
	p := Tee(f, bytes.NewReader(make([]byte, 1000)), 1000)
	f.Close()
	for range 2 {
		if got, err := io.ReadAll(p); len(got) > 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

func TestFill(t *testing.T) {
	for size, wrong := range map[int64]bool{1000: false, -1: false, 999: true, 1001: true, 0: true} {
		f := NewPool(t.TempDir(), 1<<20, 1<<20).New()
		n, err := Fill(f, iotest.HalfReader(bytes.NewReader(make([]byte, 1000))), size)
		if (err != nil) != wrong || err == nil && (n != 1000 || f.Size() != 1000) {
			t.Errorf("1000 bytes, told as %d: %d, %v", size, n, err)
		}
		f.Close()
	}
}

// slow is a source that returns its content on demand.
type slow struct{ began, goOn chan struct{} }

func (s slow) Read(p []byte) (int, error) {
	close(s.began)
	<-s.goOn
	return copy(p, "late"), nil
}

func TestPassingClosed(t *testing.T) {
	f := NewPool(t.TempDir(), 1<<20, 1<<20).New()
	defer f.Close()
	src := slow{make(chan struct{}), make(chan struct{})}
	p := Tee(f, src, 10)
	done := make(chan error)
	go func() {
		_, err := p.Read(make([]byte, 10))
		done <- err
	}()
	<-src.began
	p.Close() // does not wait for the source
	close(src.goOn)
	if err := <-done; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	if f.Size() > 0 {
		t.Error("what came late was kept")
	}
}

// TestPassingByAnAbandonedTransfer has a transfer that still reads while the next
// one begins from the start, as net/http's transport may (RoundTripper: the body
// may be read after RoundTrip has returned), and one that is closed meanwhile.
func TestPassingByAnAbandonedTransfer(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 64)
	for _, pool := range pools(t.TempDir()) {
		for range 3 {
			f := pool.New()
			body := Tee(f, iotest.OneByteReader(bytes.NewReader(want)), 1024)
			var transfers sync.WaitGroup
			for range 3 {
				transfers.Go(func() {
					for {
						if _, err := body.Seek(0, io.SeekStart); err != nil {
							t.Error(err)
						}
						for range 64 {
							if _, err := body.Read(make([]byte, 16)); errors.Is(err, fs.ErrClosed) {
								return
							}
						}
					}
				})
			}
			for f.Size() < 1024 {
				runtime.Gosched()
			}
			if err := body.Close(); err != nil {
				t.Error(err)
			}
			transfers.Wait()
			if got, err := io.ReadAll(f.Reader()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes of another content are kept, %v", len(got), err)
			}
			f.Close()
		}
	}
}
