package waiting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/testwait"
	"github.com/davdisk/davdisk/vfs"
)

// trouble is the store as one gateway reaches it.
type trouble struct {
	backend.Backend
	refuses atomic.Bool // uploads
	dead    atomic.Bool
}

func (s *trouble) Unwrap() backend.Backend { return s.Backend }

func (s *trouble) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if s.refuses.Load() || s.dead.Load() {
		return backend.Info{}, backend.PathError("put", name, backend.ErrUnavailable, "")
	}
	return s.Backend.Put(ctx, name, body, opts)
}

// node is a gateway of the model.
type node struct {
	*testGateway
	dir    string
	old    string // a copy of dir of before; empty: none
	store  *trouble
	table  *Table
	fs     *vfs.FS
	stop   context.CancelFunc
	ended  chan struct{}
	gaveUp []string // contents that were given up while it did not run
}

func (n *node) runs() bool { return n.table != nil }

// world is what the gateways of the model share.
type world struct {
	t     *testing.T
	log   *testLog
	store *memory.Backend
	nodes []*node
	names chan struct{} // a token for whoever changes something: the reservations
	later atomic.Int64  // by which the clocks are ahead
}

func newWorld(t *testing.T, gateways int) *world {
	w := &world{t: t, log: &testLog{}, store: memory.New(memory.Options{}), names: make(chan struct{}, 1)}
	if err := w.store.Mkdir(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	for i := range gateways {
		n := &node{dir: t.TempDir()}
		n.testGateway = &testGateway{log: w.log, name: fmt.Sprintf("g%d", i)}
		w.nodes = append(w.nodes, n)
		w.start(n)
	}
	t.Cleanup(func() {
		for _, n := range w.nodes {
			if n.runs() {
				w.kill(n)
			}
		}
	})
	return w
}

func (w *world) start(n *node) {
	w.t.Helper()
	n.testGateway = &testGateway{log: w.log, name: n.name}
	n.store = &trouble{Backend: w.store}
	var err error
	n.table, err = Open(Options{
		Engine: n.testGateway, Member: n.member, Log: slog.New(slog.DiscardHandler),
		Learn: func(name, _ string) { n.invalidate(name) },
		Now:   func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) },
		After: func(d time.Duration) <-chan time.Time { return time.After(d / 100) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	n.table.ReserveBy(func(ctx context.Context, _ string) (func(), bool, error) {
		select {
		case w.names <- struct{}{}:
			return func() { <-w.names }, false, nil
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	})
	n.fs, err = vfs.New(n.store, vfs.WithStateDir(n.dir), vfs.WithWriteBack(1<<20), vfs.WithGateways(n.table),
		vfs.WithCacheWhile(func() bool { return n.member() != nil }), vfs.WithPollInterval(0))
	if err != nil {
		w.t.Fatal(err)
	}
	w.log.join(n.testGateway)
	if err := n.table.Pass(w.t.Context()); err != nil {
		w.t.Logf("%s starts: %v", n.name, err) // a name waits at another one
	}
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	n.ended = make(chan struct{})
	go func() {
		defer close(n.ended)
		n.table.Run(ctx)
	}()
}

func (n *node) invalidate(name string) {
	if n.fs != nil {
		_ = n.fs.Invalidate("/" + name)
	}
}

// kill ends a gateway without anything being stored or told.
func (w *world) kill(n *node) {
	n.store.dead.Store(true)
	w.log.expel(n.testGateway)
	n.stop()
	<-n.ended
	if err := n.fs.Close(); err != nil {
		w.t.Error(err)
	}
	n.table, n.fs = nil, nil
}

// copied returns a copy of the folder of a gateway that does not run.
func (w *world) copied(n *node) string {
	w.t.Helper()
	dir := w.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(n.dir)); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// change does what a request to a gateway does. One that has succeeded is answered when all
// have applied an entry that releases its names, and so what its gateway knew before: until
// then another one may show as waiting what is stored, or was removed.
func (w *world) change(n *node, name string, do func(*vfs.FS) error) error {
	w.names <- struct{}{}
	defer func() { <-w.names }()
	err := do(n.fs)
	if err == nil {
		err = n.AppliedByAll(w.t.Context(), 0)
	}
	for _, other := range w.nodes {
		if other != n && other.runs() {
			other.invalidate(name)
		}
	}
	return err
}

func (w *world) put(n *node, name, content string) error {
	return w.change(n, name, func(f *vfs.FS) error {
		_, err := f.Put("/"+name, strings.NewReader(content), int64(len(content)), time.Time{}, "", false)
		return err
	})
}

// absent is what read returns if there is no file.
const absent = "-"

func (w *world) read(n *node, name string) (string, error) {
	file, err := n.fs.Open("/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	return string(content), err
}

// listed returns the size that a listing has of a name; -1 for none.
func (w *world) listed(n *node, name string) (int64, error) {
	infos, err := afero.ReadDir(n.fs, "/"+path.Dir(name))
	if err != nil {
		return 0, err
	}
	for _, info := range infos {
		if info.Name() == path.Base(name) {
			return info.Size(), nil
		}
	}
	return -1, nil
}

// stored returns what the store has under a name.
func (w *world) stored(name string) string {
	w.t.Helper()
	c, err := w.store.Open(w.t.Context(), name, "")
	if errors.Is(err, fs.ErrNotExist) {
		return absent
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Range(w.t.Context(), 0, -1)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

// contents returns what all files in the store have.
func (w *world) contents() (all []string) {
	w.t.Helper()
	for _, folder := range []string{".", "d"} {
		_, children, err := w.store.List(w.t.Context(), folder)
		if err != nil {
			w.t.Fatal(err)
		}
		for info, err := range children {
			if err != nil {
				w.t.Fatal(err)
			}
			if !info.Dir {
				all = append(all, w.stored(path.Join(folder, info.Name)))
			}
		}
	}
	return all
}

// settle waits until nothing waits anywhere.
func (w *world) settle() {
	w.t.Helper()
	for _, n := range w.nodes {
		if !n.runs() {
			w.start(n)
		}
		n.store.refuses.Store(false)
	}
	w.until("everything is stored", func() bool {
		for _, n := range w.nodes {
			for _, f := range n.table.local.Files() {
				n.table.local.Expedite(f.Name)
			}
			n.table.Wake()
			if files, _ := n.fs.Queued(); files > 0 || len(n.table.Files()) > 0 {
				return false
			}
		}
		return true
	})
}

func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(testwait.Limit(w.t)); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not in time: %s", what)
		}
	}
}
