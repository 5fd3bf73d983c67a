package conformance

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// A model is a minimal file system: a tree of nodes and a few handles. It
// returns the result that package os would return for an operation, or that
// systems differ. It is checked against the kernel; see TestModelAgreesWithOsFs.
type model struct {
	root    *node
	handles [handles]*handle
}

// A node is a file, or a directory if it has a map of children.
type node struct {
	data     []byte
	children map[string]*node
}

func (n *node) dir() bool { return n.children != nil }

// A handle is an open file.
type handle struct {
	node   *node
	name   string // as it was opened
	flag   int
	offset int64
	closed bool
	placed bool // what it writes may land anywhere but behind what it has written
}

func newModel() *model { return &model{root: newDir()} }

func newDir() *node { return &node{children: map[string]*node{}} }

func yes(result string) answer  { return answer{isOK, result} }
func no(c class) answer         { return answer{class: c} }
func differ() answer            { return answer{class: unspecified} }
func bytesDone(n int) answer    { return yes(fmt.Sprint(n)) }
func bytesRead(b []byte) answer { return yes(fmt.Sprintf("%q", b)) }

// do performs an operation and returns the expected result. If that is
// unspecified, nothing has been done, and nothing must be done to the file
// system either.
func (m *model) do(o op) answer {
	switch o.verb {
	case opMkdir:
		return m.mkdir(o.path)
	case opMkdirAll:
		return m.mkdirAll(o.path)
	case opCreate:
		return m.open(o, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	case opOpen:
		return m.open(o, os.O_RDONLY)
	case opOpenFile:
		return m.open(o, o.flag)
	case opRemove:
		return m.remove(o.path)
	case opRemoveAll:
		return m.removeAll(o.path)
	case opRename:
		return m.rename(o.path, o.to)
	case opStat:
		return m.stat(o.path)
	case opList:
		return m.list(o.path)
	}
	return m.onHandle(o)
}

// find walks to a node. A file on the way is an error of its own kind.
func (m *model) find(name string) (*node, class) {
	n := m.root
	if name == "." {
		return n, isOK
	}
	for part := range strings.SplitSeq(name, "/") {
		if !n.dir() {
			return nil, isError
		}
		child, ok := n.children[part]
		if !ok {
			return nil, isNotExist
		}
		n = child
	}
	return n, isOK
}

// parent finds the directory that a name is in.
func (m *model) parent(name string) (dir *node, base string, c class) {
	dir, c = m.find(path.Dir(name))
	if c == isOK && !dir.dir() {
		c = isError
	}
	return dir, path.Base(name), c
}

func (m *model) mkdir(name string) answer {
	dir, base, c := m.parent(name)
	switch {
	case c != isOK:
		return no(c)
	case dir.children[base] != nil:
		return no(isExist)
	}
	dir.children[base] = newDir()
	return yes("")
}

func (m *model) mkdirAll(name string) answer {
	if _, c := m.find(name); c == isError {
		return no(isError)
	}
	n := m.root
	for part := range strings.SplitSeq(name, "/") {
		if n.children[part] == nil {
			n.children[part] = newDir()
		}
		if n = n.children[part]; !n.dir() {
			return no(isError)
		}
	}
	return yes("")
}

func (m *model) open(o op, flag int) answer {
	if h := m.handles[o.handle]; h != nil && !h.closed {
		return differ() // the slot is taken
	}
	dir, base, c := m.parent(o.path)
	if c != isOK {
		return no(c)
	}
	n := dir.children[base]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return no(isNotExist)
	case n == nil:
		n = &node{}
		dir.children[base] = n
	case n.dir() && (writable(flag) || flag&os.O_CREATE != 0):
		return no(isError)
	case flag&os.O_EXCL != 0:
		return no(isExist)
	case flag&os.O_TRUNC != 0:
		n.data = nil
	}
	m.handles[o.handle] = &handle{node: n, name: o.path, flag: flag, placed: len(n.data) > 0}
	return yes("")
}

func (m *model) remove(name string) answer {
	dir, base, c := m.parent(name)
	if c != isOK {
		return no(c)
	}
	switch n := dir.children[base]; {
	case n == nil:
		return no(isNotExist)
	case len(n.children) > 0:
		return no(isError)
	}
	delete(dir.children, base)
	return yes("")
}

func (m *model) removeAll(name string) answer {
	dir, base, c := m.parent(name)
	switch c {
	case isNotExist:
		return yes("")
	case isError:
		return differ() // below a file: some say that nothing is there
	}
	delete(dir.children, base)
	return yes("")
}

func (m *model) rename(from, to string) answer {
	source, base, c := m.parent(from)
	target, toBase, toC := m.parent(to)
	if c == isOK && source.children[base] == nil {
		c = isNotExist
	}
	if c != isOK || toC != isOK {
		if c == toC || c == isOK {
			return no(toC)
		}
		if toC == isOK {
			return no(c)
		}
		return no(isError) // two faults at once
	}
	moved, old := source.children[base], target.children[toBase]
	switch {
	case strings.HasPrefix(to, from+"/"):
		return no(isError)
	case moved == old && moved.dir():
		return differ() // package os refuses, the system does not
	case moved == old:
		return yes("")
	case old == nil:
	case moved.dir() && old.dir() && len(old.children) == 0:
		return differ() // again
	case moved.dir() || old.dir():
		return no(isError)
	}
	delete(source.children, base)
	target.children[toBase] = moved
	return yes("")
}

func (m *model) stat(name string) answer {
	n, c := m.find(name)
	if c != isOK {
		return no(c)
	}
	return n.describe()
}

func (n *node) describe() answer {
	if n.dir() {
		return yes("directory")
	}
	return yes(fmt.Sprintf("%d bytes", len(n.data)))
}

func (m *model) list(name string) answer {
	n, c := m.find(name)
	switch {
	case c != isOK:
		return no(c)
	case !n.dir():
		return no(isError)
	}
	return yes(strings.Join(slices.Sorted(maps.Keys(n.children)), " "))
}

// tree is all there is.
func (m *model) tree() Tree {
	tr := Tree{}
	m.root.addTo(tr, "")
	return tr
}

func (n *node) addTo(tr Tree, prefix string) {
	for name, child := range n.children {
		if child.dir() {
			tr[prefix+name+"/"] = ""
			child.addTo(tr, prefix+name+"/")
		} else {
			tr[prefix+name] = string(child.data)
		}
	}
}

// openOn returns the handles that are open on a node, or on something in it.
func (m *model) openOn(n *node) []*handle {
	var on []*handle
	for _, h := range m.handles {
		if h != nil && !h.closed && n.holds(h.node) {
			on = append(on, h)
		}
	}
	return on
}

func (n *node) holds(other *node) bool {
	if n == other {
		return true
	}
	for _, child := range n.children {
		if child.holds(other) {
			return true
		}
	}
	return false
}
