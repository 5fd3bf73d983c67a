package emulator

import "net/http"

// transfer is what copy and move have in common: the arguments, checked.
type transfer struct {
	from, to  diskPath
	source    *node
	overwrite bool
	async     bool
}

func (e *Emulator) transfer(c *call) (transfer, *failure) {
	var t transfer
	var fail *failure
	if t.from, fail = c.path("from"); fail != nil {
		return t, fail
	}
	if t.to, fail = c.path("path"); fail != nil {
		return t, fail
	}
	if t.overwrite, fail = c.flag("overwrite"); fail != nil {
		return t, fail
	}
	if t.async, fail = c.flag("force_async"); fail != nil {
		return t, fail
	}
	t.source = e.disk.find(t.from, c.knobs.FoldNames)
	if t.source == nil || t.from.area != "disk" || c.hidden(t.source) {
		return t, errNotFound.ptr()
	}
	if t.from.isRoot() {
		return t, errRoot(t.from.asked)
	}
	if t.to.within(t.from) && len(t.to.parts) > len(t.from.parts) {
		return t, errNoParent(t.to.asked)
	}
	parent, fail := e.place(c, t.to)
	if fail != nil {
		return t, fail
	}
	if parent.child(t.to.name(), c.knobs.FoldNames) != nil && !t.overwrite {
		return t, errExists(t.to.asked)
	}
	return t, nil
}

// finish carries out a copy or move, at once or as an operation.
func (e *Emulator) finish(c *call, t transfer, work task) (reply, *failure) {
	if c.async(t.async, t.source) {
		return reply{status: http.StatusAccepted, body: e.begin(c, work)}, nil
	}
	if !work.run() {
		return reply{}, errLocked.ptr()
	}
	return reply{status: http.StatusCreated, body: c.resourceLink(t.to.String())}, nil
}

func (e *Emulator) copyResource(c *call) (reply, *failure) {
	t, fail := e.transfer(c)
	if fail != nil {
		return reply{}, fail
	}
	if c.knobs.CopyOverwriteRefused && e.disk.find(t.to, c.knobs.FoldNames) != nil {
		return reply{}, errExists(t.to.asked)
	}
	if e.disk.used+t.source.size() > c.knobs.totalSpace() {
		return reply{}, e.quota(c.knobs)
	}
	return e.finish(c, t, task{locks: []diskPath{t.to}, steps: e.copying(t, c.knobs)})
}

func (e *Emulator) moveResource(c *call) (reply, *failure) {
	t, fail := e.transfer(c)
	if fail != nil {
		return reply{}, fail
	}
	if fail := e.locked(c, t.from); fail != nil {
		return reply{}, fail
	}
	if t.from.within(t.to) && len(t.from.parts) > len(t.to.parts) {
		return reply{}, errExists(t.to.asked)
	}
	return e.finish(c, t, task{locks: []diskPath{t.from, t.to}, steps: e.moving(t, c.knobs)})
}

// copying is a copy in steps: all at once or, gradually, child by child.
func (e *Emulator) copying(t transfer, k Knobs) []step {
	if t.source == e.disk.find(t.to, k.FoldNames) {
		return []step{func() bool { return true }}
	}
	if !k.OperationGradual || !t.source.isDir() {
		return []step{func() bool {
			if t.source.parent == nil {
				return false
			}
			return e.put(e.disk.copyTree(t.source, t.to.name(), k), t.to, t.overwrite, k)
		}}
	}
	steps := []step{func() bool {
		return e.put(e.disk.newNode(t.to.name(), nil), t.to, t.overwrite, k)
	}}
	for _, child := range t.source.list() {
		steps = append(steps, func() bool {
			to := e.disk.find(t.to, k.FoldNames)
			if to == nil || child.parent == nil {
				return false
			}
			e.disk.attach(to, e.disk.copyTree(child, child.name, k))
			return true
		})
	}
	return steps
}

// moving is a move in steps: all at once or, gradually, child by child.
func (e *Emulator) moving(t transfer, k Knobs) []step {
	if t.source == e.disk.find(t.to, k.FoldNames) && t.from.name() == t.to.name() {
		return []step{func() bool { return true }}
	}
	whole := func() bool {
		n := t.source
		if n.parent == nil {
			return false
		}
		old := n.parent
		e.disk.detach(n)
		previous := n.name
		n.name = t.to.name()
		if !e.put(n, t.to, t.overwrite, k) {
			n.name = previous
			e.disk.attach(old, n)
			return false
		}
		n.revision = e.disk.nextRevision()
		e.disk.touchParent(old, k)
		return true
	}
	if !k.OperationGradual || !t.source.isDir() {
		return []step{whole}
	}
	steps := []step{func() bool {
		return e.put(e.disk.newNode(t.to.name(), nil), t.to, t.overwrite, k)
	}}
	for _, child := range t.source.list() {
		steps = append(steps, func() bool {
			to := e.disk.find(t.to, k.FoldNames)
			if to == nil || child.parent == nil {
				return false
			}
			e.disk.detach(child)
			e.disk.attach(to, child)
			return true
		})
	}
	return append(steps, func() bool {
		if t.source.parent == nil || len(t.source.children) > 0 {
			return false
		}
		to := e.disk.find(t.to, k.FoldNames)
		if to != nil {
			to.id, to.created, to.properties, to.patched = t.source.id, t.source.created, t.source.properties, t.source.patched
		}
		e.disk.destroy(t.source)
		return true
	})
}

// put attaches n at a path. What exists there is replaced if overwrite is
// set, or merged into if both are folders and the knob is set.
func (e *Emulator) put(n *node, at diskPath, overwrite bool, k Knobs) bool {
	parent := e.disk.find(at.dir(), k.FoldNames)
	if parent == nil || !parent.isDir() {
		return false
	}
	existing := parent.child(at.name(), k.FoldNames)
	switch {
	case existing == nil:
		e.disk.attach(parent, n)
	case !overwrite:
		return false
	case k.OverwriteMerges && existing.isDir() && n.isDir():
		e.mergeInto(existing, n)
	default:
		e.unpublish(existing)
		e.disk.destroy(existing)
		e.disk.attach(parent, n)
	}
	e.disk.touchParent(parent, k)
	return true
}

// mergeInto moves the children of n, which is attached nowhere, into a folder.
func (e *Emulator) mergeInto(folder, n *node) {
	for _, child := range n.list() {
		existing := folder.child(child.name, false)
		if existing != nil && existing.isDir() && child.isDir() {
			e.mergeInto(existing, child)
			continue
		}
		if existing != nil {
			e.unpublish(existing)
			e.disk.destroy(existing)
		}
		e.disk.attach(folder, child)
	}
}
