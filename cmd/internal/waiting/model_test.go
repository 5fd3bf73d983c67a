package waiting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/testlevel"
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

// TestModel has three gateways that are killed and started again, moved to other folders,
// restored from older ones, given up, and that cannot store for a while. Whatever is read
// at any of them is what was written last, or is not answered; and nothing that was
// acknowledged is lost, but with the folder that had it.
func TestModel(t *testing.T) {
	rounds := 6
	if testlevel.Long() {
		rounds = 100
	}
	for i := range rounds {
		t.Run(fmt.Sprint(i), func(t *testing.T) { runModel(t, uint64(i)) })
	}
}

func runModel(t *testing.T, seed uint64) {
	w := newWorld(t, 3)
	random := rand.New(rand.NewPCG(seed, 7))
	names := []string{"a", "b", "d/a", "d/b"}
	may := map[string][]string{} // what may be read under a name
	for _, name := range names {
		may[name] = []string{absent}
	}
	answered, refused := 0, 0
	judge := func(what, name string, err error, do func()) {
		t.Helper()
		switch {
		case err == nil:
			answered++
			do()
		case errors.Is(err, backend.ErrUnavailable):
			refused++
		default:
			t.Fatalf("%s %s: %v", what, name, err)
		}
	}
	for step := range 150 {
		n, name := w.nodes[random.IntN(3)], names[random.IntN(len(names))]
		content := strings.Repeat("x", step+1)
		if !n.runs() {
			if random.IntN(3) > 0 {
				w.start(n)
				w.afterReturn(n, may)
			}
			continue
		}
		switch action := random.IntN(20); {
		case action < 6:
			err := w.put(n, name, content)
			if err != nil {
				may[name] = append(may[name], content)
			}
			judge("put", name, err, func() { may[name] = []string{content} })
		case action < 8:
			err := w.change(n, name, func(f *vfs.FS) error { return f.Delete("/"+name, "") })
			if errors.Is(err, fs.ErrNotExist) {
				if !slices.Contains(may[name], absent) {
					t.Fatalf("step %d: %s is denied at %s, want %v", step, name, n.name, lengths(may[name]))
				}
				may[name] = []string{absent}
				continue
			}
			if err != nil {
				may[name] = append(may[name], absent)
			}
			judge("delete", name, err, func() { may[name] = []string{absent} })
		case action < 14:
			got, err := w.read(n, name)
			judge("read", name, err, func() {
				if !slices.Contains(may[name], got) {
					t.Fatalf("step %d: %s is read at %s as %d bytes, want one of %v", step, name, n.name, len(got), lengths(may[name]))
				}
				may[name] = []string{got}
			})
		case action < 17:
			got, err := w.listed(n, name)
			judge("list", name, err, func() {
				if !slices.Contains(lengths(may[name]), got) {
					t.Fatalf("step %d: %s is listed at %s with %d bytes, want one of %v", step, name, n.name, got, lengths(may[name]))
				}
			})
		case action < 18:
			n.store.refuses.Store(!n.store.refuses.Load())
		default:
			if !slices.ContainsFunc(w.nodes, func(other *node) bool { return other != n && other.runs() }) {
				continue
			}
			w.kill(n)
			switch random.IntN(7) {
			case 0, 1:
				w.giveUp(n, may)
			case 2: // moved to another disk
				n.dir = w.copied(n)
			case 3:
				if n.old != "" {
					w.restore(n, may, false)
				} else {
					n.old = w.copied(n)
				}
			case 4: // restored in place, after more was confirmed
				n.old = w.copied(n)
				w.start(n)
				w.afterReturn(n, may)
				n.store.refuses.Store(true)
				for i, name := range names {
					content := strings.Repeat("x", 1000+len(names)*step+i)
					err := w.put(n, name, content)
					if err != nil {
						may[name] = append(may[name], content)
					}
					judge("put", name, err, func() { may[name] = []string{content} })
				}
				w.kill(n)
				w.restore(n, may, true)
			}
		}
	}
	w.settle()
	w.returned(may)
	for _, n := range w.nodes {
		for _, name := range names {
			if got, err := w.read(n, name); err != nil || !slices.Contains(may[name], got) || got != w.stored(name) {
				t.Errorf("in the end %s is read at %s as %d bytes, %v, want one of %v", name, n.name, len(got), err, lengths(may[name]))
			}
		}
	}
	t.Logf("%d answered, %d refused", answered, refused)
}

// lengths tells contents by what a listing has of them.
func lengths(contents []string) (all []int64) {
	for _, c := range contents {
		if c == absent {
			all = append(all, -1)
		} else {
			all = append(all, int64(len(c)))
		}
	}
	return all
}

// giveUp gives up what waits at a gateway that does not run: what the store has is
// what counts then.
func (w *world) giveUp(n *node, may map[string][]string) {
	i := slices.IndexFunc(w.nodes, (*node).runs)
	by := w.nodes[i].table
	files := by.Files()
	err := by.Forget(w.t.Context(), n.name)
	waiting, readErr := vfs.ReadQueue(n.dir)
	if readErr != nil {
		w.t.Fatal(readErr)
	}
	if errors.Is(err, ErrNothing) && len(waiting) == 0 {
		return
	}
	if err != nil {
		w.t.Fatalf("give up %d files of %s: %v", len(waiting), n.name, err)
	}
	for _, f := range files {
		if f.Owner.Gateway == n.name && !f.GivenUp {
			may[f.Name] = []string{w.stored(f.Name)}
		}
	}
	for _, q := range waiting {
		n.gaveUp = append(n.gaveUp, strings.Repeat("x", int(q.Size)))
	}
	w.passTime()
}

// passTime lets so much time pass that nothing which was given up can be stored any more.
func (w *world) passTime() {
	w.later.Add(int64(lingers))
	for _, n := range w.nodes {
		if n.runs() {
			n.table.Wake()
		}
	}
}

// restore starts a gateway with an older copy of its folder, which may be in the place of
// the first. What it had confirmed since is lost, and nowhere told as anything else before
// it is given up.
func (w *world) restore(n *node, may map[string][]string, inPlace bool) {
	w.t.Helper()
	affected, told := map[string]bool{}, map[string]bool{}
	for _, f := range w.nodes[slices.IndexFunc(w.nodes, (*node).runs)].table.Files() {
		if f.Owner.Gateway == n.name {
			affected[f.Name] = true
		}
		told[f.Name] = !f.GivenUp
	}
	if inPlace {
		w.replaceFolder(n)
	} else {
		n.dir = n.old
	}
	n.old, n.gaveUp = "", nil
	waiting, err := vfs.ReadQueue(n.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, q := range waiting {
		affected[q.Name] = true
		if !told[q.Name] { // else nobody is shown the older one
			may[q.Name] = append(may[q.Name], strings.Repeat("x", int(q.Size)))
		}
	}
	w.start(n)
	for name := range may {
		for _, at := range w.nodes {
			if !at.runs() {
				continue
			}
			if got, err := w.read(at, name); err == nil && !slices.Contains(may[name], got) || err != nil && !errors.Is(err, backend.ErrUnavailable) {
				w.t.Errorf("%s is read at %s as %d bytes, %v, want one of %v, when the folder of %s is restored", name, at.name, len(got), err, lengths(may[name]), n.name)
			}
		}
	}
	w.until("all is judged", func() bool {
		n.table.mu.Lock()
		defer n.table.mu.Unlock()
		n.table.Wake()
		return n.table.ready != 0 && len(n.table.unsure) == 0
	})
	if err := n.table.Forget(w.t.Context(), n.name); err != nil && !errors.Is(err, ErrRuns) && !errors.Is(err, ErrNothing) {
		w.t.Fatal(err)
	}
	w.passTime()
	w.settle()
	w.returned(may)
	for name := range may {
		got := w.stored(name)
		if !affected[name] && !slices.Contains(may[name], got) {
			w.t.Errorf("%s is stored as %d bytes, want one of %v", name, len(got), lengths(may[name]))
		}
		may[name] = []string{got}
	}
}

// replaceFolder replaces what is in the folder of a gateway by the older copy. The folder
// itself stays.
func (w *world) replaceFolder(n *node) {
	w.t.Helper()
	err := filepath.WalkDir(n.dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Remove(at)
	})
	if err == nil {
		err = filepath.WalkDir(n.old, func(at string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			below, err := filepath.Rel(n.old, at)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(n.dir, below), content, 0o600)
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// afterReturn looks for what was given up, once a gateway runs that had it.
func (w *world) afterReturn(n *node, may map[string][]string) {
	w.t.Helper()
	if len(n.gaveUp) > 0 {
		w.settle()
		w.returned(may)
	}
}

// returned looks for all that was given up, when all gateways run and all is stored.
func (w *world) returned(may map[string][]string) {
	w.t.Helper()
	all := w.contents()
	for _, n := range w.nodes {
		for _, content := range n.gaveUp {
			if !slices.Contains(all, content) {
				w.t.Errorf("%d bytes were given up, and are lost when %s runs again", len(content), n.name)
			}
		}
		for name := range may { // it may be in place, if nobody has changed that
			if got := w.stored(name); slices.Contains(n.gaveUp, got) {
				may[name] = []string{got}
			}
		}
		n.gaveUp = nil
	}
}
