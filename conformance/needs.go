package conformance

import "os"

// needs lists the capabilities that an operation needs in the current state of
// the model, so that none is used that is declared missing.
func (m *model) needs(o op) []Capability {
	if o.verb.onHandle() {
		h := m.handles[o.handle]
		if h == nil || h.node.dir() {
			return nil
		}
		return h.needs(o)
	}
	n, _ := m.find(o.path)
	switch o.verb {
	case opMkdir, opMkdirAll:
		return caps(EmptyDirs)
	case opCreate:
		return m.needsToOpen(n, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	case opOpen:
		return m.needsToOpen(n, os.O_RDONLY)
	case opOpenFile:
		return m.needsToOpen(n, o.flag)
	case opRemove, opRemoveAll:
		return append(m.needsToEmpty(o.path), m.needsIfOpen(n, RemoveOpen)...)
	case opRename:
		return m.needsToRename(n, o)
	case opStat:
		if m.written(n) {
			return caps(SharedHandles)
		}
	}
	return nil
}

func (h *handle) needs(o op) []Capability {
	var need []Capability
	size := int64(len(h.node.data))
	switch o.verb {
	case opRead, opReadAt:
		if writable(h.flag) {
			need = caps(ReadWrite)
		}
	case opWrite, opWriteString:
		if h.flag&os.O_APPEND == 0 && (h.placed || h.offset != size) { // another handle may have changed the size
			need = caps(WriteAt)
		}
		if h.flag&os.O_APPEND == 0 && h.offset > size {
			need = append(need, Holes)
		}
	case opWriteAt:
		need = caps(WriteAt)
		if o.n > size {
			need = append(need, Holes)
		}
	case opTruncate:
		need = caps(Truncate)
		if o.n > size {
			need = append(need, Holes)
		}
	case opSync:
		need = caps(Sync)
	}
	return need
}

func (m *model) needsToOpen(n *node, flag int) []Capability {
	var need []Capability
	for _, ask := range []struct {
		flag int
		c    Capability
	}{{os.O_APPEND, Append}, {os.O_EXCL, Excl}, {os.O_RDWR, ReadWrite}} {
		if flag&ask.flag != 0 {
			need = append(need, ask.c)
		}
	}
	if n == nil || n.dir() {
		return need
	}
	if writable(flag) {
		need = append(need, Overwrite)
	}
	if m.written(n) || writable(flag) && len(m.openOn(n)) > 0 {
		need = append(need, SharedHandles)
	}
	return need
}

func (m *model) needsToRename(n *node, o op) []Capability {
	need := append(caps(Rename), m.needsToEmpty(o.path)...)
	need = append(need, m.needsIfOpen(n, RenameOpen)...)
	if n != nil && n.dir() {
		need = append(need, RenameDir)
	}
	if target, _ := m.find(o.to); target != nil {
		need = append(need, RenameOver)
		need = append(need, m.needsIfOpen(target, RemoveOpen)...)
	}
	return need
}

// needsToEmpty is for what may leave the directory that it was in empty.
func (m *model) needsToEmpty(name string) []Capability {
	if dir, _, c := m.parent(name); c == isOK && dir != m.root && len(dir.children) == 1 {
		return caps(EmptyDirs)
	}
	return nil
}

func (m *model) needsIfOpen(n *node, c Capability) []Capability {
	if n != nil && len(m.openOn(n)) > 0 {
		return caps(c)
	}
	return nil
}

// written reports whether a handle is open that may write to the node, or to
// something in it.
func (m *model) written(n *node) bool {
	if n == nil {
		return false
	}
	for _, h := range m.openOn(n) {
		if writable(h.flag) {
			return true
		}
	}
	return false
}
