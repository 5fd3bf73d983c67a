package waiting

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
)

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
