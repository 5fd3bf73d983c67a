package vfs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs/internal/spool"
)

const testPart = 8 << 10 // bytes of a part here, and what a transfer brings in a second

// limited is a store that limits the rate of each transfer.
type limited struct {
	*memory.Backend
	unlimited  bool
	sequential bool // each range costs all that is before it
	// breaks is called before each read of a transfer, with its number and the bytes
	// read of it. An error ends the body. It may be nil.
	breaks func(transfer, read int) error
	damage int // number of the transfer that brings other bytes; 0: none

	mu        sync.Mutex
	transfers int
	open      int
	most      int // open at a time
}

func (l *limited) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := l.Backend.Open(ctx, name, version)
	return limitedContent{content, l}, err
}

type limitedContent struct {
	backend.Content
	l *limited
}

func (c limitedContent) Sequential() bool { return c.l.sequential }

func (c limitedContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	body, err := c.Content.Range(ctx, offset, length)
	if err != nil {
		return nil, err
	}
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.transfers++
	c.l.open++
	c.l.most = max(c.l.most, c.l.open)
	return &limitedBody{ReadCloser: body, ctx: ctx, l: c.l, transfer: c.l.transfers}, nil
}

type limitedBody struct {
	io.ReadCloser
	ctx      context.Context
	l        *limited
	transfer int
	read     int
	once     sync.Once
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.l.breaks != nil {
		if err := b.l.breaks(b.transfer, b.read); err != nil {
			return 0, err
		}
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), 1<<10)])
	if b.transfer == b.l.damage && n > 0 {
		p[0]++
	}
	if !b.l.unlimited {
		select {
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		case <-time.After(time.Duration(n) * time.Second / testPart):
		}
	}
	b.read += n
	return n, err
}

func (b *limitedBody) Close() error {
	b.once.Do(func() {
		b.l.mu.Lock()
		defer b.l.mu.Unlock()
		b.l.open--
	})
	return b.ReadCloser.Close()
}

// wants checks the transfers since it was last called, none of which may be open.
func (l *limited) wants(t *testing.T, transfers, most int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.transfers != transfers || l.most > most || l.open > 0 {
		t.Errorf("%d transfers, up to %d at a time, %d still open; want %d, %d, none", l.transfers, l.most, l.open, transfers, most)
	}
	l.transfers, l.most = 0, 0
}

// partial serves /f of so many bytes from a store that limits the rate of each
// transfer. Nothing may be left of the parts in the end.
func partial(t *testing.T, atOnce, size int, opts ...Option) (f *FS, l *limited, content []byte) {
	t.Helper()
	content = make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(content)
	l = &limited{Backend: memory.New(memory.Options{})}
	if _, err := l.Put(t.Context(), "f", bytes.NewReader(content), backend.PutOptions{Size: int64(size)}); err != nil {
		t.Fatal(err)
	}
	f, err := New(l, opts...)
	if err != nil {
		t.Fatal(err)
	}
	held := t.TempDir()
	f.fetch = newFetcher(atOnce, testPart, spool.NewPool(held, 0, 0), time.Now)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(held); err != nil || len(left)+len(f.fetch.slots) > 0 {
			t.Errorf("left are %v and %d slots, %v", left, len(f.fetch.slots), err)
		}
	})
	return f, l, content
}

// readFrom reads /f from an offset on, n bytes or, if n is 0, all that is left.
func readFrom(f *FS, off, n int64) ([]byte, error) {
	h, err := f.Open("/f")
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if _, err := h.Seek(off, io.SeekStart); err != nil {
		return nil, err
	}
	if n > 0 {
		return io.ReadAll(io.LimitReader(h, n))
	}
	return io.ReadAll(h)
}

// TestTransfersPerFile reads a large file in several transfers at a time.
func TestTransfersPerFile(t *testing.T) {
	for atOnce, want := range map[int]struct {
		took      time.Duration
		transfers int
	}{1: {8 * time.Second, 1}, 2: {5 * time.Second, 8}, 3: {4 * time.Second, 8}} {
		for _, opts := range [][]Option{nil, {WithCacheDir(t.TempDir(), 1<<20)}} {
			synctest.Test(t, func(t *testing.T) {
				f, l, content := partial(t, atOnce, 8*testPart+5, opts...)
				begin := time.Now()
				got, err := readFrom(f, 0, 0)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d at a time: %d bytes, %v", atOnce, len(got), err)
				}
				if took := time.Since(begin); took > want.took+100*time.Millisecond {
					t.Errorf("%d at a time took %v", atOnce, took)
				}
				l.wants(t, want.transfers, atOnce)
			})
		}
	}
}

// TestWhatIsNotFetchedAhead: small files and short ranges take one transfer, and
// so does what comes as fast as it is read.
func TestWhatIsNotFetchedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, content := partial(t, 4, 5*testPart)
		for _, r := range []struct{ off, n int64 }{
			{0, 1}, {0, 2 * testPart}, {100, 1000}, {3*testPart + 1, 0}, {5*testPart - 1, 0},
		} {
			got, err := readFrom(f, r.off, r.n)
			want := content[r.off:]
			if r.n > 0 {
				want = want[:r.n]
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("from %d on: %d bytes, %v", r.off, len(got), err)
			}
			l.wants(t, 1, 1)
		}
		l.unlimited = true
		if got, err := readFrom(f, 0, 0); err != nil || !bytes.Equal(got, content) {
			t.Errorf("without a limit: %d bytes, %v", len(got), err)
		}
		l.wants(t, 1, 1)
	})
}

// TestLeavingALargeFile ends its transfers, and frees the room for others.
func TestLeavingALargeFile(t *testing.T) {
	const read = 2*testPart + 1
	synctest.Test(t, func(t *testing.T) {
		f, l, content := partial(t, 4, 9*testPart)
		for range 3 { // there is not room for the parts of all of them
			begin := time.Now()
			if got, err := readFrom(f, 0, read); err != nil || !bytes.Equal(got, content[:read]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if took := time.Since(begin); took > 2200*time.Millisecond {
				t.Errorf("reading and leaving took %v", took)
			}
			l.wants(t, 5, 4)
		}
		ctx, cancel := context.WithCancel(t.Context())
		h, err := f.WithContext(ctx).Open("/f")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, h, read); err != nil {
			t.Error(err)
		}
		cancel()
		if _, err := io.Copy(io.Discard, h); !errors.Is(err, context.Canceled) {
			t.Errorf("after the client has left: %v", err)
		}
		h.Close()
		l.wants(t, 5, 4)
		h, err = f.Open("/f")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2500*time.Millisecond, func() { h.Close() }) // while it is being read
		if _, err := io.Copy(io.Discard, h); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed meanwhile: %v", err)
		}
		l.wants(t, 5, 4)
	})
}

// TestSeekInALargeFile reads on elsewhere, also where it has been before.
func TestSeekInALargeFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, content := partial(t, 3, 9*testPart)
		h, err := f.Open("/f")
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int64{0, 4*testPart + 7, 3*testPart + 1, 100, 0} {
			got := make([]byte, 3*testPart+1)
			if _, err := h.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(h, got); err != nil || !bytes.Equal(got, content[at:][:len(got)]) {
				t.Errorf("from %d on: %v", at, err)
			}
		}
		h.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open > 0 {
			t.Errorf("%d transfers are still open", l.open)
		}
	})
}

// TestPartsAreBounded has clients that read a part of a large file, and then
// nothing for a while: what is fetched for all of them is bounded, and each gets
// everything in the end.
func TestPartsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, read = 5, 2*testPart + 1
		f, l, content := partial(t, 4, 9*testPart)
		var reading sync.WaitGroup
		for range clients {
			reading.Go(func() {
				h, err := f.Open("/f")
				if err != nil {
					t.Error(err)
					return
				}
				defer h.Close()
				if _, err := io.CopyN(io.Discard, h, read); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Hour)
				rest, err := io.ReadAll(h)
				if err != nil || !bytes.Equal(rest, content[read:]) {
					t.Errorf("%d bytes, %v", len(rest), err)
				}
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		l.mu.Lock()
		// Those that have found no room read on as it comes.
		if more := l.transfers - clients; more > maxParts+clients-2 {
			t.Errorf("%d transfers were begun for clients that do not read", more)
		}
		l.mu.Unlock()
		reading.Wait()
	})
}

// TestBrokenParts has transfers that break: reading goes on where they did, or
// fails, and never ends early.
func TestBrokenParts(t *testing.T) {
	broken := errors.New("broken")
	when := func(is func(transfer, read int) bool, err error) func(int, int) error {
		return func(transfer, read int) error {
			if is(transfer, read) {
				return err
			}
			return nil
		}
	}
	third := func(transfer, read int) bool { return transfer == 3 && read > testPart/2 }
	later := func(transfer, _ int) bool { return transfer > 1 }
	for name, test := range map[string]struct {
		breaks func(transfer, read int) error
		damage int
		err    error // nil: all is read
	}{
		"once":             {breaks: when(third, broken)},
		"too early":        {breaks: when(third, io.EOF)},
		"always":           {breaks: when(later, broken), err: broken},
		"always too early": {breaks: when(later, io.EOF), err: io.ErrUnexpectedEOF},
		"another version":  {breaks: when(third, backend.ErrChanged), err: backend.ErrChanged},
		"other bytes":      {damage: 3, err: errOtherBytes()},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, l, content := partial(t, 4, 9*testPart)
			l.breaks, l.damage = test.breaks, test.damage
			got, err := readFrom(f, 0, 0)
			if test.err == nil && (err != nil || !bytes.Equal(got, content)) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
			if test.err != nil && (err == nil || len(got) >= len(content)) {
				t.Errorf("%s: %d bytes, %v, want %v", name, len(got), err, test.err)
			}
			if test.damage == 0 && !bytes.Equal(got, content[:len(got)]) {
				t.Errorf("%s: other bytes", name)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.open > 0 {
				t.Errorf("%s: %d transfers are still open", name, l.open)
			}
		})
	}
}

// TestNoPartsOfASequentialStore reads a large file of a store that sends each range
// from the beginning of the file.
func TestNoPartsOfASequentialStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, content := partial(t, 4, 9*testPart)
		l.sequential = true
		if got, err := readFrom(f, 0, 0); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		l.wants(t, 1, 1)
	})
}

// TestNoDiskForParts reads a large file where there is none to hold parts on.
func TestNoDiskForParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, content := partial(t, 4, 9*testPart)
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		f.fetch.spools = spool.NewPool(filepath.Join(file, "folder"), 0, 0)
		if got, err := readFrom(f, 0, 0); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open > 0 {
			t.Errorf("%d transfers are still open", l.open)
		}
	})
}
