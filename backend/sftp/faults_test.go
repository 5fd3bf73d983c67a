package sftp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/sshtest"
	"github.com/davdisk/davdisk/internal/testwait"
)

// cutting is a connection that ends after a number of bytes in one direction.
type cutting struct {
	net.Conn
	write bool
	left  *atomic.Int64 // negative at the start: never cut
	seen  *atomic.Int64
}

func (c *cutting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return c.count(n, err, !c.write)
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.write {
		if left := c.left.Load(); left >= 0 && int64(len(p)) > left && c.left.CompareAndSwap(left, -1) {
			n, _ := c.Conn.Write(p[:left])
			c.Close()
			return n, io.ErrClosedPipe
		}
	}
	n, err := c.Conn.Write(p)
	return c.count(n, err, c.write)
}

func (c *cutting) count(n int, err error, counts bool) (int, error) {
	if !counts {
		return n, err
	}
	c.seen.Add(int64(n))
	left := c.left.Load()
	if left < 0 {
		return n, err
	}
	if int64(n) >= left {
		if c.left.CompareAndSwap(left, -1) {
			c.Close()
		}
		return 0, io.ErrUnexpectedEOF
	}
	c.left.Add(-int64(n))
	return n, err
}

// TestMoveIsIssuedOnce: a move with Once that the server has not heard of is not issued
// again when the connection is lost; one without is.
func TestMoveIsIssuedOnce(t *testing.T) {
	s := newServer(t)
	for _, once := range []bool{false, true} {
		uncertain := 0
		try := func(left int64) (sent int64) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "d", "e"), 0o700); err != nil {
				t.Fatal(err)
			}
			var counter, seen atomic.Int64
			counter.Store(-1)
			o := s.options(dir)
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, address)
				return &cutting{c, true, &counter, &seen}, err
			}
			b := mustOpen(t, o)
			defer b.Close()
			seen.Store(0)
			counter.Store(left)
			err := b.Move(t.Context(), "d", "m", backend.MoveOptions{Once: once})
			sent = seen.Load()
			counter.Store(-1)
			if errors.Is(err, backend.ErrUncertain) {
				uncertain++
				if _, err := os.Stat(filepath.Join(dir, "d", "e")); err != nil {
					t.Errorf("cut after %d bytes: %v", left, err)
				}
			} else if err != nil {
				t.Errorf("cut after %d bytes: %v", left, err)
			}
			return sent
		}
		all := try(-1)
		for i := range int64(12) {
			try(1 + all*i/12)
		}
		if (uncertain > 0) != once {
			t.Errorf("once %v: %d of 12 are uncertain", once, uncertain)
		}
	}
}

// TestEveryCut cuts the connection at many places of each change: afterwards
// there is the old state or the new one, whole, and the answer is true.
func TestEveryCut(t *testing.T) {
	oldText, newText := strings.Repeat("old", 3_000), strings.Repeat("new!", 20_000)
	changes := map[string]struct {
		do  func(context.Context, *Backend) error
		old []string // the folder before
		new []string // and after it
	}{
		"put": {func(ctx context.Context, b *Backend) error {
			_, err := b.Put(ctx, "f", strings.NewReader(newText), backend.PutOptions{Size: int64(len(newText))})
			return err
		}, []string{"f=" + oldText}, []string{"f=" + newText}},
		"put of what cannot be rewound": {func(ctx context.Context, b *Backend) error {
			_, err := b.Put(ctx, "f", io.MultiReader(strings.NewReader(newText)), backend.PutOptions{Size: -1})
			return err
		}, []string{"f=" + oldText}, []string{"f=" + newText}},
		"put if absent": {func(ctx context.Context, b *Backend) error {
			_, err := b.Put(ctx, "g", strings.NewReader("new"), backend.PutOptions{Size: 3, IfAbsent: true})
			return err
		}, []string{"f=" + oldText}, []string{"f=" + oldText, "g=new"}},
		"move": {func(ctx context.Context, b *Backend) error {
			return b.Move(ctx, "f", "g", backend.MoveOptions{})
		}, []string{"f=" + oldText}, []string{"g=" + oldText}},
		"remove": {func(ctx context.Context, b *Backend) error {
			return b.Remove(ctx, "f", backend.RemoveOptions{})
		}, []string{"f=" + oldText}, nil},
		"mkdir": {func(ctx context.Context, b *Backend) error {
			return b.Mkdir(ctx, "d")
		}, []string{"f=" + oldText}, []string{"d/", "f=" + oldText}},
	}
	s := newServer(t)
	outcomes := map[string]int{}
	for name, change := range changes {
		for _, write := range []bool{true, false} {
			try := func(left int64) (sent int64) {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "f"), []byte(oldText), 0o600); err != nil {
					t.Fatal(err)
				}
				var counter, seen atomic.Int64
				counter.Store(-1)
				o := s.options(dir)
				o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					c, err := (&net.Dialer{}).DialContext(ctx, network, address)
					return &cutting{c, write, &counter, &seen}, err
				}
				b := mustOpen(t, o)
				defer b.Close()
				seen.Store(0)
				counter.Store(left)
				err := change.do(t.Context(), b)
				sent = seen.Load()
				counter.Store(-1)
				now := tree(t, dir)
				isOld, isNew := equal(now, change.old), equal(now, change.new)
				switch {
				case err == nil && isNew, err != nil && isOld:
				case errors.Is(err, backend.ErrUncertain) && (isOld || isNew):
				default:
					t.Errorf("%s, cut after %d bytes (written: %v): %v, and there is %.100q", name, left, write, err, now)
				}
				switch {
				case errors.Is(err, backend.ErrUncertain):
					outcomes["uncertain"]++
				case err != nil:
					outcomes["failed"]++
				default:
					outcomes["done"]++
				}
				return sent
			}
			all := try(-1)
			for i := range int64(12) {
				try(1 + all*i/12)
			}
		}
	}
	t.Logf("%v", outcomes)
	if outcomes["done"] < len(changes)*20 || outcomes["failed"] == 0 {
		t.Errorf("of all changes %v: most go on after a lost connection", outcomes)
	}
}

// tree lists a folder of this machine: names of folders with a slash, files with
// their content.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() {
			all = append(all, e.Name()+"/")
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name()+"="+string(text))
	}
	return all
}

func equal(a, b []string) bool { return strings.Join(a, "\x00") == strings.Join(b, "\x00") }

// TestReadGoesOn: a content outlives its connection, unless the file changed.
func TestReadGoesOn(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	text := bytes.Repeat([]byte("0123456789"), 200_000)
	if err := os.WriteFile(filepath.Join(dir, "f"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	b := mustOpen(t, s.options(dir))
	c, err := b.Open(t.Context(), "f", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Range(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	b.conn.close()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("a reader whose connection is lost ends with %v", err)
	}
	r.Close()
	r, err = c.Range(t.Context(), 10, -1)
	if err != nil {
		t.Fatalf("the next range: %v", err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text[10:]) {
		t.Errorf("the next range has %d bytes, %v", len(got), err)
	}
	r.Close()
	b.conn.close()
	if _, err := b.Stat(t.Context(), "f"); err != nil {
		t.Errorf("a call after a lost connection: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Range(t.Context(), 0, -1); err == nil {
		_, err = io.ReadAll(r)
		r.Close()
		if !errors.Is(err, backend.ErrChanged) {
			t.Errorf("a content whose file was written in place: %v", err)
		}
	} else if !errors.Is(err, backend.ErrChanged) {
		t.Errorf("a content whose file was written in place: %v", err)
	}
}

// TestSilentServer: a server that does not answer any more is given up, by
// keepalive, and a caller that has no time does not wait for that.
func TestSilentServer(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	o := s.options(dir)
	var silent atomic.Bool
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if silent.Load() {
			return nil, errors.New("unreachable")
		}
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &muted{c, &silent}, err
	}
	ticks := make(chan time.Time)
	o.ticker = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	b := mustOpen(t, o)
	silent.Store(true)
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Stat(hurry, "."); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has no time: %v", err)
	}
	var ticking sync.WaitGroup
	ticking.Go(func() {
		ticks <- time.Now() // the server is asked
		ticks <- time.Now() // and has not answered
	})
	defer ticking.Wait()
	if _, err := b.Stat(t.Context(), "."); !errors.Is(err, backend.ErrUnavailable) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a server that is silent: %v", err)
	}
	silent.Store(false)
	if _, err := b.Stat(t.Context(), "."); err != nil {
		t.Errorf("of a server that is back: %v", err)
	}
}

// muted drops what is written once it is silent.
type muted struct {
	net.Conn
	silent *atomic.Bool
}

func (c *muted) Write(p []byte) (int, error) {
	if c.silent.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// holding is a channel whose server gets the requests of one type for a name
// only when they are released.
type holding struct {
	io.ReadWriteCloser
	kind    byte
	name    string
	release chan struct{}
}

func (h *holding) Read(p []byte) (int, error) {
	n, err := h.ReadWriteCloser.Read(p)
	if n > 0 && p[0] == h.kind && bytes.Contains(p[:n], []byte(h.name)) {
		<-h.release
	}
	return n, err
}

// TestAnAnswerThatTakesTooLong: what the server has not done in time it may do
// later, so that it is not certain that it did not happen.
func TestAnAnswerThatTakesTooLong(t *testing.T) {
	for kind, change := range map[byte]func(context.Context, *Backend) error{
		13: func(ctx context.Context, b *Backend) error { return b.Remove(ctx, "held", backend.RemoveOptions{}) },
		14: func(ctx context.Context, b *Backend) error { return b.Mkdir(ctx, "held-folder") },
		18: func(ctx context.Context, b *Backend) error {
			return b.Move(ctx, "held", "moved", backend.MoveOptions{})
		},
	} {
		release := make(chan struct{})
		s := newServer(t, func(s *sshtest.Server) {
			serve := s.Serve
			s.Serve = func(channel io.ReadWriteCloser) { serve(&holding{channel, kind, "held", release}) }
		})
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "held"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		o := s.options(dir)
		o.issued = 100 * time.Millisecond
		b := mustOpen(t, o)
		err := change(t.Context(), b)
		if !errors.Is(err, backend.ErrUncertain) || !strings.Contains(err.Error(), "may carry it out yet") {
			t.Errorf("request %d: %v", kind, err)
		}
		if got := tree(t, dir); !equal(got, []string{"held=x"}) {
			t.Errorf("request %d: there is %q", kind, got)
		}
		close(release)
		unchanged := func() bool {
			entries, err := os.ReadDir(dir)
			return err == nil && len(entries) == 1 && entries[0].Name() == "held"
		}
		for end := time.Now().Add(testwait.Limit(t)); unchanged(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("request %d was not carried out", kind)
			}
		}
	}
}

// TestTheRootIsGone: when the volume of the store is not mounted it is not known
// that its files do not exist.
func TestTheRootIsGone(t *testing.T) {
	s, dir := newServer(t), filepath.Join(t.TempDir(), "volume")
	if err := os.MkdirAll(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "d", "f"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := mustOpen(t, s.options(dir))
	ctx := t.Context()
	content, err := b.Open(ctx, "d/f", "")
	if err != nil {
		t.Fatal(err)
	}
	content.Close()
	away := dir + "-away"
	for _, replaced := range []bool{false, true} {
		if err := os.Rename(dir, away); err != nil {
			t.Fatal(err)
		}
		if replaced {
			if err := os.WriteFile(dir, []byte("no folder"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, statErr := b.Stat(ctx, "d/f")
		_, folderErr := b.Stat(ctx, "d")
		_, _, listErr := b.List(ctx, "d")
		_, openErr := b.Open(ctx, "d/f", "")
		_, putErr := b.Put(ctx, "d/f", strings.NewReader("y"), backend.PutOptions{Size: 1})
		_, newErr := b.Put(ctx, "g", strings.NewReader("y"), backend.PutOptions{Size: 1})
		errs := map[string]error{
			"stat": statErr, "stat of a folder": folderErr, "list": listErr, "open": openErr, "put": putErr, "put of a new file": newErr,
			"mkdir": b.Mkdir(ctx, "new"), "remove": b.Remove(ctx, "d/f", backend.RemoveOptions{}), "remove of a folder": b.Remove(ctx, "d", backend.RemoveOptions{}),
			"move": b.Move(ctx, "d/f", "g", backend.MoveOptions{}), "set the time": b.SetModTime(ctx, "d/f", time.Unix(1, 0)), "check": b.CheckRemove(ctx, "d"),
		}
		if !replaced {
			_, errs["stat of the root"] = b.Stat(ctx, ".")
			_, _, errs["list of the root"] = b.List(ctx, ".")
		}
		for what, err := range errs {
			if !errors.Is(err, backend.ErrUnavailable) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if replaced {
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
		} else if _, err := New(ctx, s.options(dir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of a folder that is not there: %v", err)
		}
		if err := os.Rename(away, dir); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Stat(ctx, "d/f"); err != nil {
			t.Errorf("when it is back: %v", err)
		}
	}
	if _, err := b.Stat(ctx, "d/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of what is missing: %v", err)
	}
}
