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

// node is an open file, shared by all handles on it. The name is bound to the
// node, not to the handles, so they follow a rename; a node that has lost its
// name can still be read and written, but is never stored again.
type node struct {
	core *core

	// change is held while the content changes and while it is being stored,
	// so that a consistent state is stored.
	change sync.Mutex

	// opening is held while content is being opened.
	opening sync.Mutex

	// Guarded by core.mu.
	name    string       // "" once removed or replaced
	last    string       // the last name it had
	lost    bool         // replaced by a new file: writes here cannot be stored
	refs    int          // handles
	writers int          // handles that have written something
	stored  bool         // the store has the file; false: it has been created here only
	info    backend.Info // what is stored
	content *version     // opened on demand; of info
	edit    *spool.File  // the content with changes; nil: as stored
	dirty   bool         // edit has changes that are not stored
	broken  error        // a write that failed, so edit must not be stored
	base    string       // version that edit started from; "" if it started empty
	excl    bool         // the name must be free when it is stored
	modTime time.Time    // of the last change
	keep    bool         // modTime was set by the caller, so it must be stored
}

// borrow returns a handle on a file that is not stored yet, or nil if there is
// none of that name. It counts as a writer, so that the content stays even if
// all others abort; the caller must call leave.
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

// unbind removes the name from the node. The caller holds core.mu.
func (n *node) unbind(lost bool) {
	if n.name == "" {
		return
	}
	if n.core.nodes[n.name] == n {
		delete(n.core.nodes, n.name)
	}
	n.name, n.lost = "", lost
}

// unbindLost removes a name from the open file that had it, which another
// client has removed.
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

// take binds a name to the node. A node that has the name already is a file
// that another client has removed or replaced: its handles keep the version
// that they opened, and must not store it over this one. The caller holds
// core.mu.
func (n *node) take(name string) {
	if old := n.core.nodes[name]; old != nil {
		old.unbind(true)
	}
	n.name, n.last = name, name
	n.core.nodes[name] = n
}

// pending reports whether the node has something that the store does not have.
// The caller holds core.mu.
func (n *node) pending() bool { return n.dirty || !n.stored }

// stat describes the node with its pending changes. The caller holds core.mu.
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

// setModTime sets the modification time that the node is stored with.
func (n *node) setModTime(t time.Time) {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	n.modTime, n.keep = t, true
}

// open returns the stored content, opened on the first call.
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
		closed := n.refs == 0 || n.core.closed // nobody would close the content
		if err == nil && !moved && !closed {
			content = &version{opened}
			n.content = content
		}
		n.core.mu.Unlock()
		switch {
		case err == nil && (moved || closed):
			opened.Close()
		case !moved:
			return content, err
		}
		if closed {
			return nil, fs.ErrClosed
		}
	}
}

// keepOpen gives the node the content that was opened when its name was looked up, and
// closes it unless that is needed. There may be none.
func (n *node) keepOpen(opened backend.Content) {
	if opened == nil {
		return
	}
	n.opening.Lock()
	defer n.opening.Unlock()
	n.core.mu.Lock()
	kept := n.content == nil && n.info.Version == opened.Info().Version && !n.core.closed
	if kept {
		n.content = &version{opened}
	}
	n.core.mu.Unlock()
	if !kept {
		opened.Close()
	}
}

// leave releases the reference of h to the node. If drop is set, what h wrote is
// discarded, unless another handle that wrote may still store it.
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

// drop releases a reference for which no handle was made.
func (n *node) drop() {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	n.unref()
}

// unref releases a reference; the last one frees the node. The caller holds
// core.mu.
func (n *node) unref() {
	if n.refs--; n.refs == 0 {
		n.unbind(n.lost)
		n.free()
	}
}

// discard frees the resources of the node when the file system is closed.
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

// readAt reads the content with its pending changes; without any, the version
// that was opened.
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
			n.core.invalidate(n.lastName())
			return 0, readError(err)
		}
		got, err := r.readAt(ctx, content, p, off, onward)
		if err != nil && !errors.Is(err, io.EOF) {
			err = readError(err)
		}
		return got, err
	}
}

// isLocal reports whether the content can be read without the store, because it
// is spooled or empty.
func (n *node) isLocal() bool {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	return n.edit != nil || n.info.Size == 0
}

// dropped reports whether edit is no longer the content of the node.
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
