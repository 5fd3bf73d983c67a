package vfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/spool"
)

// node is an open file: what all handles on it share. The name is bound to
// the node, not to the handles, so they follow a rename; a node that has lost
// its name can still be read and written, but is never stored again.
type node struct {
	core *core

	// change is held while the content changes and while it is being stored,
	// so that what is stored was the content at one moment.
	change sync.Mutex

	// opening is held while content is being opened.
	opening sync.Mutex

	// Guarded by core.mu.
	name    string       // "" once removed or replaced
	last    string       // the last name it had
	lost    bool         // replaced by a whole new file: what is written here cannot be stored
	refs    int          // handles
	writers int          // handles that have written something
	stored  bool         // the store has the file; false: it has been made here only
	info    backend.Info // what is stored
	content *version     // of info, once it was needed
	edit    *spool.File  // the content as changed here; nil: as stored
	dirty   bool         // edit has what is not stored
	broken  error        // a change that could not be made, so that edit must not be stored
	base    string       // version that edit began with; "" if it began empty
	excl    bool         // must not be there when it is stored
	modTime time.Time    // of the last change here
	keep    bool         // modTime was asked for, so it must be stored
}

// bind gives the node that is open under a name, or a new one for what the
// store has there, one handle richer.
func (c *core) bind(name string, info backend.Info) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[name]
	if n != nil && (n.pending() || n.info.Version == info.Version) {
		n.refs++
		return n
	}
	n = &node{core: c, refs: 1, stored: true, info: info}
	n.take(name)
	return n
}

// bindNew gives a new, empty node that is not stored yet.
func (c *core) bindNew(name string, excl bool) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &node{
		core: c, refs: 1, excl: excl,
		info:  backend.Info{Name: path.Base(name), Created: c.opts.now()},
		edit:  c.spools.New(),
		dirty: true, modTime: c.opts.now(),
	}
	n.take(name)
	return n
}

// borrow gives a handle on a file that is not stored yet, which must leave it;
// nil if there is none of that name. It counts as a writer, so that the content
// stays until then though everybody else aborts.
func (c *core) borrow(name string) *file {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[name]
	if n == nil || n.stored {
		return nil
	}
	h := &file{node: n}
	n.refs++
	n.countWriter(h)
	return h
}

// unbind takes the name away. The caller holds core.mu.
func (n *node) unbind(lost bool) {
	if n.name == "" {
		return
	}
	if n.core.nodes[n.name] == n {
		delete(n.core.nodes, n.name)
	}
	n.name, n.lost = "", lost
}

// unbindLost takes a name away from the file that had it, which somebody else
// has removed.
func (c *core) unbindLost(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil {
		n.unbind(true)
	}
}

// rebind gives the node another name. The caller holds core.mu.
func (n *node) rebind(name string) {
	delete(n.core.nodes, n.name)
	n.info.Name = path.Base(name)
	n.take(name)
}

// take binds a name to the node. A node that has it already stands for a file
// that somebody else has removed or replaced: who has it open goes on with the
// version he began with, and must not store it over this one. The caller holds
// core.mu.
func (n *node) take(name string) {
	if old := n.core.nodes[name]; old != nil {
		old.unbind(true)
	}
	n.name, n.last = name, name
	n.core.nodes[name] = n
}

// pending tells whether there is something that the store does not have. The
// caller holds core.mu.
func (n *node) pending() bool { return n.dirty || !n.stored }

// stat describes the node as it is here. The caller holds core.mu.
func (n *node) stat() backend.Info {
	info := n.info
	if n.edit != nil {
		info.Size = n.edit.Size()
	}
	if n.pending() {
		info.ModTime = n.modTime
		info.Version, info.MD5, info.SHA256 = "", "", ""
	}
	return info
}

// setModTime sets the time that the node is stored with.
func (n *node) setModTime(t time.Time) {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	n.modTime, n.keep = t, true
}

// open gives access to the stored content.
func (n *node) open(ctx context.Context) (*version, error) {
	n.opening.Lock()
	defer n.opening.Unlock()
	for {
		n.core.mu.Lock()
		content, name, id := n.content, n.last, n.info.Version
		n.core.mu.Unlock()
		if content != nil {
			return content, nil
		}
		opened, err := n.core.b.Open(ctx, name, id)
		n.core.mu.Lock()
		moved := n.last != name || n.info.Version != id
		if err == nil && !moved {
			content = &version{opened}
			n.content = content
		}
		n.core.mu.Unlock()
		switch {
		case !moved:
			return content, err
		case err == nil:
			opened.Close()
		}
	}
}

// leave ends what h has to do with the node. If drop is set, what it wrote is
// dropped, unless another handle that wrote may still store it.
func (n *node) leave(h *file, drop bool) {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	if h.wrote {
		h.wrote = false
		n.writers--
	}
	if drop && n.writers == 0 && n.dirty {
		n.dirty, n.broken = false, nil
		n.closeEdit()
		if !n.stored {
			n.unbind(false)
		}
	}
	n.unref()
}

// drop ends a handle that has not come to be.
func (n *node) drop() {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	n.unref()
}

// unref counts a handle less; the last one ends the node. The caller holds
// core.mu.
func (n *node) unref() {
	if n.refs--; n.refs == 0 {
		n.unbind(n.lost)
		n.free()
	}
}

// discard frees what the node holds, when the file system ends.
func (n *node) discard() {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	n.free()
}

func (n *node) free() {
	n.closeEdit()
	if n.content != nil {
		n.content.Close()
		n.content = nil
	}
}

func (n *node) closeEdit() {
	if n.edit != nil {
		n.edit.Close()
		n.edit = nil
	}
}

// readAt reads what the file holds now, or the version that was there when it
// was opened, if it has not been changed here.
func (n *node) readAt(ctx context.Context, r *reader, p []byte, off int64, onward bool) (int, error) {
	for {
		n.core.mu.Lock()
		edit, size := n.edit, n.info.Size
		n.core.mu.Unlock()
		if edit != nil {
			got, err := edit.ReadAt(p, off)
			if errors.Is(err, fs.ErrClosed) && n.dropped(edit) {
				continue
			}
			return got, err
		}
		if off >= size {
			return 0, io.EOF
		}
		content, err := n.open(ctx)
		if err != nil {
			n.core.doubt(n.lastName())
			return 0, readError(err)
		}
		got, err := r.readAt(ctx, content, p, off, onward)
		if err != nil && !errors.Is(err, io.EOF) {
			err = readError(err)
		}
		return got, err
	}
}

// readsHere tells whether the content is here, or empty, so that the store is
// not needed for reading it.
func (n *node) readsHere() bool {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	return n.edit != nil || n.info.Size == 0
}

// dropped tells whether edit is no longer what the node holds.
func (n *node) dropped(edit *spool.File) bool {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	return n.edit != edit
}

func (n *node) lastName() string {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	return n.last
}
