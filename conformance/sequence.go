package conformance

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
)

// names are few, so that operations run into each other.
func pathsToDraw() []string { return []string{"a", "b", "c", "a/b", "a/c", "b/a", "a/b/c"} }

// draw makes a sequence of random operations, which ends with closing
// whatever is open.
func draw(r *rand.Rand, n int) []op {
	ops := make([]op, 0, n+handles)
	for range n {
		ops = append(ops, drawOne(r.IntN))
	}
	return closing(ops)
}

func closing(ops []op) []op {
	for i := range handles {
		ops = append(ops, op{verb: opClose, handle: i})
	}
	return ops
}

// drawOne makes an operation from whatever picks a number below n.
func drawOne(pick func(n int) int) op {
	paths := pathsToDraw()
	o := op{verb: verb(pick(int(verbs)))}
	if o.verb.onHandle() || o.verb.opens() {
		o.handle = pick(handles)
	}
	if !o.verb.onHandle() {
		o.path = paths[pick(len(paths))]
	}
	switch o.verb {
	case opRename:
		o.to = paths[pick(len(paths))]
	case opOpenFile:
		o.flag = drawFlag(pick)
	case opRead:
		o.n = int64(1 + pick(6))
	case opWrite, opWriteString:
		o.data = "wxyz"[:1+pick(4)]
	case opReadAt, opWriteAt:
		o.n, o.data = int64(pick(10)-1), "stuv"[:1+pick(4)]
	case opSeek:
		o.n, o.whence = int64(pick(10)-2), pick(io.SeekEnd+1)
	case opTruncate:
		o.n = int64(pick(10) - 1)
	}
	return o
}

// drawFlag omits what is undefined: O_EXCL without O_CREATE, and
// O_TRUNC without writing.
func drawFlag(pick func(n int) int) int {
	flag := []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR}[pick(3)]
	more := pick(16)
	for bit, f := range []int{os.O_CREATE, os.O_APPEND, os.O_TRUNC, os.O_EXCL} {
		if more&(1<<bit) != 0 {
			flag |= f
		}
	}
	if flag&os.O_CREATE == 0 {
		flag &^= os.O_EXCL
	}
	if !writable(flag) {
		flag &^= os.O_TRUNC
	}
	return flag
}

// A disagreement is a sequence whose last operation had another result than the
// model, or left another tree.
type disagreement struct {
	steps     []op
	want, got answer
	tree      error // what is wrong with the tree, if the answer was right
	holds     Tree  // what it must be
}

// signature is short and the same for everything that goes wrong in the same
// way: "Rename:error/ok" is a Rename that succeeds where it must fail.
func (d *disagreement) signature() string {
	last := d.steps[len(d.steps)-1].verb
	switch {
	case d.tree != nil:
		return fmt.Sprintf("%v:tree", last)
	case d.want.class == d.got.class:
		return fmt.Sprintf("%v:result", last)
	}
	return fmt.Sprintf("%v:%s/%s", last, d.want.class, d.got.class)
}

func (d *disagreement) String() string {
	if d.tree != nil {
		return fmt.Sprintf("%s after %d operations: %v", d.signature(), len(d.steps), d.tree)
	}
	return fmt.Sprintf("%s after %d operations: %v, want %v", d.signature(), len(d.steps), d.got, d.want)
}

// A style is how a sequence is replayed.
type style struct {
	reopen bool // close and reopen the file before each operation on it
}

// replay makes the operations on the file system and on the model, and
// returns the first disagreement. What is unspecified, declared missing, or
// about a handle that was never opened is left out, so that any part of a
// sequence is a sequence.
func (t *rig) replay(ops []op, how style) *disagreement {
	m, p := newModel(), &player{fs: t.FS, path: t.Path}
	d := &disagreement{}
	for _, o := range ops {
		if t.leavesOut(m, o, how) {
			continue
		}
		before := m.handles[o.handle]
		offset := int64(0)
		if before != nil {
			offset = before.offset
		}
		if d.want = m.do(o); d.want.class == unspecified {
			continue
		}
		d.steps = append(d.steps, o)
		if how.reopen && o.verb.onHandle() && o.verb != opClose {
			d.got = p.reopen(o.handle, before, offset)
		}
		if d.got.class == "" || d.got.class == isOK {
			d.got = t.answerOf(p, o, d.want)
		}
		if !d.want.allows(d.got, t.suite.upTo == Data) {
			if d.got.class != isPanic {
				p.close()
			}
			return d
		}
		if o.verb.changesNames() && t.disagreesOnTree(m, d) {
			p.close()
			return d
		}
		d.got = answer{}
	}
	p.close()
	if len(d.steps) > 0 && t.disagreesOnTree(m, d) {
		return d
	}
	return nil
}

// leavesOut reports whether an operation needs what is declared missing. A file
// that is to be reopened must keep its name.
func (t *rig) leavesOut(m *model, o op, how style) bool {
	needs := m.needs(o)
	if how.reopen && (slices.Contains(needs, RenameOpen) || slices.Contains(needs, RemoveOpen)) {
		return true
	}
	_, lacks := t.suite.lacking(needs)
	return lacks
}

// answerOf makes the call. A read-only call is repeated while the store may
// still settle.
func (t *rig) answerOf(p *player, o op, want answer) (got answer) {
	if o.verb != opStat && o.verb != opList && o.verb != opOpen {
		return p.do(o)
	}
	_ = t.settled(func() error {
		if got = p.do(o); !want.allows(got, t.suite.upTo == Data) {
			return errors.New("not yet")
		}
		return nil
	})
	return got
}

// disagreesOnTree compares everything there is with the model, unless a store
// whose handles do not share a file is being written to.
func (t *rig) disagreesOnTree(m *model, d *disagreement) bool {
	if !t.Has(SharedHandles) && m.written(m.root) {
		return false
	}
	d.holds = m.tree()
	d.tree = t.settled(func() error {
		got, err := t.Walk()
		if err != nil {
			return err
		}
		return t.diff(got, d.holds)
	})
	return d.tree != nil
}

// reopen closes a file, opens it again as it was, and goes to where it was.
func (p *player) reopen(slot int, h *handle, offset int64) answer {
	if h == nil || h.closed || h.node.dir() {
		return answer{}
	}
	if a := p.do(op{verb: opClose, handle: slot}); a.class != isOK {
		return a
	}
	flag := h.flag &^ (os.O_CREATE | os.O_EXCL | os.O_TRUNC)
	if a := p.do(op{verb: opOpenFile, handle: slot, path: h.name, flag: flag}); a.class != isOK {
		return a
	}
	return p.do(op{verb: opSeek, handle: slot, n: offset})
}

// shrink reduces a disagreement, as long as some disagreement stays: first
// ranges of operations, then single ones, then their arguments.
func shrink(d *disagreement, again func([]op) *disagreement) *disagreement {
	for size := len(d.steps) / 2; size > 0; size /= 2 {
		for i := 0; i+size <= len(d.steps); {
			if s := again(slices.Delete(slices.Clone(d.steps), i, i+size)); s != nil {
				d = s
			} else {
				i += size
			}
		}
	}
	for i := 0; i < len(d.steps); i++ {
		for _, o := range simpler(d.steps[i]) {
			steps := slices.Clone(d.steps)
			steps[i] = o
			if s := again(steps); s != nil && len(s.steps) <= len(d.steps) {
				d = s
				i--
				break
			}
		}
	}
	return d
}

// simpler returns operations that are like o, and easier to read.
func simpler(o op) []op {
	var all []op
	add := func(change func(*op)) {
		s := o
		if change(&s); s != o {
			all = append(all, s)
		}
	}
	for _, name := range pathsToDraw() {
		if name < o.path && len(name) <= len(o.path) {
			add(func(s *op) { s.path = name })
		}
		if name < o.to && len(name) <= len(o.to) && name != o.path {
			add(func(s *op) { s.to = name })
		}
	}
	if len(o.data) > 1 {
		add(func(s *op) { s.data = s.data[:1] })
	}
	if o.n > 1 {
		add(func(s *op) { s.n /= 2 })
	}
	for _, bits := range []int{os.O_EXCL, os.O_TRUNC, os.O_APPEND, os.O_CREATE | os.O_EXCL} {
		add(func(s *op) { s.flag &^= bits })
	}
	return all
}
