package emulator

import (
	"fmt"
	"net/http"
	"path"
	"strings"
)

// trashPath returns the path parameter in the trash; the root if it is optional
// and absent.
func (c *call) trashPath(required bool) (diskPath, *failure) {
	value := c.query.Get("path")
	if value == "" {
		if required {
			return diskPath{}, errFieldRequired("path")
		}
		value = "trash:/"
	}
	if !strings.Contains(value, ":") {
		value = "trash:/" + strings.TrimPrefix(value, "/")
	}
	return parsePath(value, c.knobs)
}

// getTrash describes the trash, an entry of it or a resource below one.
func (e *Emulator) getTrash(c *call) (reply, *failure) {
	n, _, fail := e.trashed(c, false)
	if fail != nil {
		return reply{}, fail
	}
	return e.describe(c, n)
}

// trashed is what the parameter path names in the trash.
func (e *Emulator) trashed(c *call, required bool) (*node, diskPath, *failure) {
	p, fail := c.trashPath(required)
	if fail != nil {
		return nil, p, fail
	}
	n := e.disk.find(p, false)
	if n == nil || p.area != "trash" || required && n.entry == "" {
		return nil, p, errNotFound.ptr()
	}
	return n, p, nil
}

// deleteTrash permanently deletes an entry, or everything if no path is given.
func (e *Emulator) deleteTrash(c *call) (reply, *failure) {
	async, fail := c.flag("force_async")
	if fail != nil {
		return reply{}, fail
	}
	n, p, fail := e.trashed(c, false)
	if fail != nil {
		return reply{}, fail
	}
	if fail := e.locked(c, p); fail != nil {
		return reply{}, fail
	}
	work := task{locks: []diskPath{p}}
	if n == e.disk.trash {
		for _, entry := range n.list() {
			work.steps = append(work.steps, e.removal(entry, true, c.knobs)...)
		}
	} else {
		work.steps = e.removal(n, true, c.knobs)
	}
	return e.carryOut(c, async, n, work)
}

// restoreTrash restores an entry to its original path, or under another
// name, which may be a whole path. Missing parent folders are created.
func (e *Emulator) restoreTrash(c *call) (reply, *failure) {
	overwrite, fail := c.flag("overwrite")
	if fail != nil {
		return reply{}, fail
	}
	async, fail := c.flag("force_async")
	if fail != nil {
		return reply{}, fail
	}
	n, p, fail := e.trashed(c, true)
	if fail != nil {
		return reply{}, fail
	}
	if fail := e.locked(c, p); fail != nil {
		return reply{}, fail
	}
	to, fail := e.restoreTarget(c, n)
	if fail != nil {
		return reply{}, fail
	}
	if fail := e.locked(c, to); fail != nil {
		return reply{}, fail
	}
	if !e.makeAll(to.dir()) {
		return reply{}, errNoParent(to.String())
	}
	if e.disk.find(to, false) != nil && !overwrite {
		if c.knobs.RestoreConflict {
			return reply{}, errExists(to.String())
		}
		to = e.freeName(to)
	}
	work := task{locks: []diskPath{p, to}, steps: []step{func() bool { return e.restore(n, to, overwrite, c.knobs) }}}
	if c.async(async, n) {
		return reply{status: http.StatusAccepted, body: e.begin(c, work)}, nil
	}
	if !work.run() {
		return reply{}, errExists(to.String())
	}
	return reply{status: http.StatusCreated, body: c.resourceLink(to.String())}, nil
}

func (e *Emulator) restoreTarget(c *call, n *node) (diskPath, *failure) {
	to, fail := parsePath(n.origin, c.knobs)
	if fail != nil {
		return to, fail
	}
	name := c.query.Get("name")
	if strings.Contains(name, "/") {
		to, fail = c.parse(name)
	} else if name != "" {
		to, fail = parsePath(to.dir().String()+"/"+name, c.knobs)
	}
	if fail == nil && (to.isRoot() || to.area != "disk") {
		fail = errNoParent(name)
	}
	return to, fail
}

func (e *Emulator) restore(n *node, to diskPath, overwrite bool, k Knobs) bool {
	if n.parent == nil {
		return false
	}
	entry, name := n.entry, n.name
	e.disk.detach(n)
	n.entry, n.name = "", to.name()
	if !e.put(n, to, overwrite, k) {
		n.entry, n.name = entry, name
		e.disk.attach(e.disk.trash, n)
		return false
	}
	n.origin = ""
	n.revision = e.disk.nextRevision()
	return true
}

// freeName returns p with a number before the extension that makes it free.
func (e *Emulator) freeName(p diskPath) diskPath {
	ext := path.Ext(p.name())
	stem := strings.TrimSuffix(p.name(), ext)
	if stem == "" {
		stem, ext = p.name(), ""
	}
	for i := 1; ; i++ {
		free := p.dir()
		free.parts = append(append([]string{}, free.parts...), fmt.Sprintf("%s (%d)%s", stem, i, ext))
		if e.disk.find(free, false) == nil {
			return free
		}
	}
}
