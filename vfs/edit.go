package vfs

import (
	"context"
	"io"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/reading"
	"github.com/davdisk/davdisk/vfs/internal/spool"
)

// mutate changes the content through f, on a spooled copy of it. Only the first
// keep bytes of the stored content are needed, or all if keep is negative. It
// counts h among the writers.
func (n *node) mutate(h *file, keep int64, f func(edit *spool.File) error) error {
	h.writing.RLock()
	defer h.writing.RUnlock()
	n.change.Lock()
	defer n.change.Unlock()
	if err := h.err(true); err != nil {
		return err
	}
	for {
		edit, err := n.editable(h.reading, keep)
		if err != nil {
			return err
		}
		err = f(edit)
		if n.changed(h, edit, err) {
			return err
		}
	}
}

// changed records that h has changed the content, with that error. It reports
// false if the copy has been discarded meanwhile, with what others had written
// and aborted.
func (n *node) changed(h *file, edit *spool.File, err error) bool {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	if n.edit != edit {
		n.broken = nil
		return false
	}
	if err == nil || n.broken != nil {
		n.dirty, n.modTime, n.keep = true, n.core.opts.now(), false
		n.countWriter(h)
	}
	return true
}

// markBroken records that a write failed halfway, so that the content must not
// be stored.
func (n *node) markBroken(err error) {
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	n.broken = err
}

func (n *node) countWriter(h *file) {
	if !h.wrote {
		h.wrote = true
		n.writers++
	}
}

// wroteBy reports whether h, which has been closed, has written something. It
// waits for a write in progress through h.
func (n *node) wroteBy(h *file) bool {
	h.writing.Lock()
	defer h.writing.Unlock()
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	return h.wrote
}

// editable returns the spooled copy, which it makes if there is none yet. The
// caller holds n.change.
func (n *node) editable(ctx context.Context, keep int64) (*spool.File, error) {
	n.core.mu.Lock()
	edit, info := n.edit, n.info
	n.core.mu.Unlock()
	if edit != nil {
		return edit, nil
	}
	if keep < 0 || keep > info.Size {
		keep = info.Size
	}
	edit = n.core.spools.New()
	base := ""
	if keep > 0 {
		base = info.Version
		if err := n.load(ctx, edit, keep); err != nil {
			edit.Close()
			return nil, err
		}
	}
	n.core.mu.Lock()
	defer n.core.mu.Unlock()
	n.edit, n.base = edit, base
	return edit, nil
}

// errOtherBytes is the error for content that does not match its hash.
func errOtherBytes() error {
	return failure(backend.ErrUnavailable, "the store served other bytes than it has for this file")
}

// load copies the first size bytes of the stored content.
func (n *node) load(ctx context.Context, to io.Writer, size int64) error {
	content, err := n.open(ctx)
	if err != nil {
		return readError(err)
	}
	body, err := content.Range(ctx, 0, size)
	if err != nil {
		return readError(err)
	}
	defer body.Close()
	src := reading.Exactly(body, size)
	if info := content.Info(); size == info.Size {
		src = reading.Checked(src, size, reading.NewCheck(info.SHA256, info.MD5), errOtherBytes())
	}
	_, err = io.Copy(to, src)
	return readError(err)
}
