package conformance

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// propertyCases hold for any random input, without a look at the model, or
// with one at two of them.
func propertyCases() []entry {
	return []entry{{
		id: "model/round-trip", level: Data,
		doc: "What is written in pieces of any size is read back in pieces of any size.",
		run: func(t *rig) { t.often(roundTrip) },
	}, {
		id: "model/write-order", level: Data, needs: caps(WriteAt, Holes),
		doc: "Pieces that do not overlap give the same file in whatever order WriteAt writes them.",
		run: func(t *rig) { t.often(writeOrder) },
	}, {
		id: "model/pages", level: Data,
		doc: "The pages of a directory, of any size, add up to all of it, each name once.",
		run: func(t *rig) { t.often(pages) },
	}, {
		id: "model/rename-back", level: Data, needs: caps(Rename, RenameDir, EmptyDirs),
		doc: "To rename something and to rename it back changes nothing.",
		run: func(t *rig) { t.often(renameBack) },
	}, {
		id: "model/two-goroutines", level: Data, needs: caps(EmptyDirs, Concurrent),
		doc: "Two goroutines in directories of their own do not notice each other; in the same one, it is as if one had come first.",
		run: func(t *rig) {
			t.often(sideBySide)
			t.often(eitherOrder)
		},
	}}
}

// often runs a property with a hundredth of the declared effort.
func (t *rig) often(property func(t *rig, r *rand.Rand)) {
	for i := 0; i < max(t.suite.sequences/100, 5) && t.verdict() == 0; i++ {
		t.another(func(sub *rig) {
			property(sub, t.random(i))
			if sub.verdict() != 0 {
				sub.Errorf("that was round %d of seed %#x", i, t.suite.seed)
			}
		})
	}
}

// content makes random bytes of a random length, within the declared limit.
func (t *rig) content(r *rand.Rand, most int) []byte {
	if limit := t.suite.limits.FileSize; limit > 0 {
		most = int(min(int64(most), limit))
	}
	data := make([]byte, r.IntN(most+1))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// pieces cuts data into pieces of random sizes, by their ends.
func pieces(r *rand.Rand, size int) []int {
	var ends []int
	for at := 0; at < size; {
		at = min(size, at+1+r.IntN(1+r.IntN(40_000)))
		ends = append(ends, at)
	}
	return ends
}

func roundTrip(t *rig, r *rand.Rand) {
	data := t.content(r, 200_000)
	f := t.Create("f")
	at := 0
	for _, end := range pieces(r, len(data)) {
		if n, err := f.Write(data[at:end]); err != nil || n != end-at {
			t.Errorf("write of %d bytes at %d: %d, error %v", end-at, at, n, quoted(err))
			return
		}
		at = end
	}
	t.Close(f)
	f, at = t.Open("f"), 0
	buf := make([]byte, len(data))
	for _, end := range pieces(r, len(data)) {
		n, err := io.ReadFull(f, buf[at:end])
		if err != nil || string(buf[at:end]) != string(data[at:end]) {
			t.Errorf("of %d bytes, bytes %d to %d are read as %s (%d bytes, error %v), want %s",
				len(data), at, end, brief(string(buf[at:end])), n, quoted(err), brief(string(data[at:end])))
			return
		}
		at = end
	}
	t.Ends(f)
}

func writeOrder(t *rig, r *rand.Rand) {
	data := t.content(r, 20_000)
	ends := pieces(r, len(data))
	order := r.Perm(len(ends))
	f := t.Create("f")
	for _, i := range order {
		start := 0
		if i > 0 {
			start = ends[i-1]
		}
		t.WriteAt(f, string(data[start:ends[i]]), int64(start))
	}
	t.Close(f)
	got, err := t.contentOf(t.Path("f"), int64(len(data)))
	if err != nil || got != string(data) {
		t.Errorf("pieces that end at %v, written in the order %v, give %s, error %v, want %s",
			ends, order, brief(got), quoted(err), brief(string(data)))
	}
}

func pages(t *rig, r *rand.Rand) {
	tr := Tree{"d/": ""}
	var want []string
	for i := range 1 + r.IntN(30) { // an empty directory is not for every store
		name := fmt.Sprintf("n%02d", i)
		tr["d/"+name], want = "", append(want, name)
	}
	t.GivenTree(tr)
	size := 1 + r.IntN(len(want)+2)
	dir := t.Open("d")
	var got []string
	for {
		names, err := dir.Readdirnames(size)
		got = append(got, names...)
		if errors.Is(err, io.EOF) || err == nil && len(names) == 0 {
			break
		}
		if err != nil || len(names) > size || len(got) > len(want) {
			t.Errorf("pages of %d: after %q there is %q, error %v", size, got, names, quoted(err))
			return
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("pages of %d add up to %q, want %q", size, got, want)
	}
}

// randomTree makes a few files in a few directories.
func randomTree(r *rand.Rand) Tree {
	tr := Tree{"a/": "", "b/": "", "b/c/": ""}
	for _, dir := range []string{"", "a/", "b/", "b/c/"} {
		for i := range r.IntN(4) {
			tr[fmt.Sprintf("%sfile %d", dir, i)] = fmt.Sprint(r.Uint64())
		}
	}
	return tr
}

func renameBack(t *rig, r *rand.Rand) {
	tr := randomTree(r)
	t.GivenTree(tr)
	all := tr.Names()
	from := strings.TrimSuffix(all[r.IntN(len(all))], "/")
	to := []string{"z", "a/z", "b/c/z"}[r.IntN(3)]
	if strings.HasPrefix(to, from+"/") {
		to = "z"
	}
	for _, move := range [][2]string{{from, to}, {to, from}} {
		if err := t.FS.Rename(t.Path(move[0]), t.Path(move[1])); err != nil {
			t.Errorf("rename %q to %q: error %q, want none", move[0], move[1], err)
		}
	}
	t.Unchanged()
}

// below is the same case, working in a directory.
func (t *rig) below(dir string) *rig {
	return &rig{FS: t.FS, suite: t.suite, id: t.id, root: t.Path(dir)}
}

// sideBySide is a cheap check of linearizability: each of two goroutines must
// get the answers that it would get alone.
func sideBySide(t *rig, r *rand.Rand) {
	t.Given("left/", "right/")
	ops := [2][]op{draw(r, t.suite.steps), draw(r, t.suite.steps)}
	var found [2]*disagreement
	t.Together(2, func(i int) error {
		found[i] = t.below([]string{"left", "right"}[i]).replay(ops[i], style{})
		return nil
	})
	for i, d := range found {
		if d != nil {
			t.Errorf("beside another goroutine that does not touch its directory: %v, after %v", d, ops[i])
		}
	}
}

// eitherOrder lets two operations run into each other and wants a tree that
// one of the two orders leaves.
func eitherOrder(t *rig, r *rand.Rand) {
	for round := range 8 {
		setup := drawSetup(r)
		pair := [2]op{drawAtomic(r, 0), drawAtomic(r, 1)}
		first, ok := t.leaves(setup, pair[0], pair[1])
		second, okToo := t.leaves(setup, pair[1], pair[0])
		if !ok || !okToo {
			continue
		}
		sub := t.below(fmt.Sprint(round))
		if err := t.FS.Mkdir(sub.root, 0o755); err != nil {
			t.Blockf("the fixture: %v", err)
		}
		p := &player{fs: t.FS, path: sub.Path}
		for _, o := range setup {
			p.do(o)
		}
		t.Together(2, func(i int) error {
			p.do(pair[i])
			return nil
		})
		p.close()
		got, err := sub.Walk()
		if err != nil || sub.diff(got, first) != nil && sub.diff(got, second) != nil {
			t.Errorf("after %v, %v at the same time leave %v, error %v; one after the other leave %v or %v",
				setup, pair, got, quoted(err), first, second)
		}
	}
}

// leaves is the tree that operations leave one after the other; it is not ok
// if the outcome is unspecified or something is needed that is declared
// missing.
func (t *rig) leaves(setup []op, then ...op) (tr Tree, ok bool) {
	m := newModel()
	for _, o := range slices.Concat(setup, then) {
		if t.leavesOut(m, o, style{}) || m.do(o).class == unspecified && o.verb != opClose {
			return nil, false
		}
	}
	return m.tree(), true
}

// drawSetup makes a few names to run into.
func drawSetup(r *rand.Rand) []op {
	paths := pathsToDraw()
	var ops []op
	for range 5 {
		name := paths[r.IntN(len(paths))]
		if r.IntN(2) == 0 {
			ops = append(ops, op{verb: opMkdir, path: name})
		} else {
			ops = append(ops, op{verb: opCreate, path: name}, op{verb: opClose})
		}
	}
	return ops
}

// drawAtomic makes an operation that any system does in one go, and that uses
// no handle but its own.
func drawAtomic(r *rand.Rand, handle int) op {
	paths := pathsToDraw()
	o := op{path: paths[r.IntN(len(paths))], handle: handle}
	switch r.IntN(4) {
	case 0:
		o.verb = opMkdir
	case 1:
		o.verb, o.flag = opOpenFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL
	case 2:
		o.verb = opRemove
	case 3:
		o.verb, o.to = opRename, paths[r.IntN(len(paths))]
	}
	return o
}
