package vfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/spool"
)

// file is a handle on a file: an offset and an access mode.
type file struct {
	node  *node
	place place
	flag  int
	ctx   context.Context // of the FS it was opened through
	wrote bool            // has something to store; guarded by core.mu

	reading context.Context // done when ctx is, and after Close
	stop    context.CancelFunc
	reader  reader

	writing sync.RWMutex // held for reading by each write in progress

	mu     sync.Mutex // guards offset, and is held while it is in use
	offset int64

	state  sync.Mutex // guards closed
	closed bool
}

var _ afero.File = (*file)(nil)

func (f *FS) newFile(n *node, p place, flag int) *file {
	h := &file{node: n, place: p, flag: flag, ctx: f.ctx}
	h.reading, h.stop = context.WithCancel(f.ctx)
	h.reader.readAhead, h.reader.cache, h.reader.fetch = f.opts.readAhead, f.chunks, f.fetch
	return h
}

func (h *file) readable() bool { return h.flag&os.O_WRONLY == 0 }
func (h *file) writable() bool { return h.flag&(os.O_WRONLY|os.O_RDWR) != 0 }

// Name returns the name that the file was opened with.
func (h *file) Name() string { return h.place.given }

// err returns why an operation is not possible on this handle, or nil.
func (h *file) err(allowed bool) error {
	switch {
	case h.isClosed():
		return fs.ErrClosed
	case !allowed:
		return failure(fs.ErrPermission, "not opened for this access")
	}
	return nil
}

// isClosed reports whether the handle, or the file system, is closed.
func (h *file) isClosed() bool {
	h.state.Lock()
	defer h.state.Unlock()
	return h.closed || h.node.core.opened() != nil
}

// fail adds the operation and the name, unless err is io.EOF, which callers
// compare.
func (h *file) fail(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if h.err(true) != nil {
		err = fs.ErrClosed
	}
	return pathError(op, h.place.given, err)
}

// Read implements io.Reader.
func (h *file) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.err(h.readable()); err != nil {
		return 0, h.fail("read", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := h.node.readAt(h.reading, &h.reader, p, h.offset, true)
	h.offset += int64(n)
	if n > 0 {
		err = nil
	}
	return n, h.fail("read", err)
}

// ReadAt implements io.ReaderAt.
func (h *file) ReadAt(p []byte, off int64) (int, error) {
	if err := h.err(h.readable()); err != nil {
		return 0, h.fail("read", err)
	}
	if off < 0 {
		return 0, h.fail("read", failure(fs.ErrInvalid, "negative offset"))
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := h.node.readAt(h.reading, &h.reader, p, off, false)
	return n, h.fail("read", err)
}

// Seek implements io.Seeker.
func (h *file) Seek(offset int64, whence int) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.err(true); err != nil {
		return 0, h.fail("seek", err)
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += h.offset
	case io.SeekEnd:
		offset += h.stat().Size
	default:
		return 0, h.fail("seek", failure(fs.ErrInvalid, "unknown whence"))
	}
	if offset < 0 {
		return 0, h.fail("seek", failure(fs.ErrInvalid, "negative position"))
	}
	h.offset = offset
	return offset, nil
}

// Write implements io.Writer. Close stores the bytes.
func (h *file) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.err(h.writable()); err != nil {
		return 0, h.fail("write", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := 0
	err := h.node.mutate(h, -1, func(edit *spool.File) (err error) {
		if h.flag&os.O_APPEND != 0 {
			h.offset = edit.Size()
		}
		n, err = h.put(edit, p, h.offset)
		return err
	})
	h.offset += int64(n)
	return n, h.fail("write", err)
}

// WriteString is like Write.
func (h *file) WriteString(s string) (int, error) { return h.Write([]byte(s)) }

// WriteAt implements io.WriterAt. Close stores the bytes. It fails on a file
// that was opened with O_APPEND.
func (h *file) WriteAt(p []byte, off int64) (int, error) {
	if err := h.err(h.writable()); err != nil {
		return 0, h.fail("write", err)
	}
	switch {
	case off < 0:
		return 0, h.fail("write", failure(fs.ErrInvalid, "negative offset"))
	case h.flag&os.O_APPEND != 0:
		return 0, h.fail("write", failure(fs.ErrInvalid, "opened for appending"))
	case len(p) == 0:
		return 0, nil
	}
	n := 0
	err := h.node.mutate(h, -1, func(edit *spool.File) (err error) {
		n, err = h.put(edit, p, off)
		return err
	})
	return n, h.fail("write", err)
}

func (h *file) put(edit *spool.File, p []byte, off int64) (int, error) {
	n, err := edit.WriteAt(p, off)
	if err != nil {
		h.node.markBroken(err)
	}
	return n, err
}

// Truncate sets the size in bytes; bytes that it adds are zero. Close stores
// the change.
func (h *file) Truncate(size int64) error {
	if err := h.err(h.writable()); err != nil {
		return h.fail("truncate", err)
	}
	if size < 0 {
		return h.fail("truncate", failure(fs.ErrInvalid, "negative size"))
	}
	return h.fail("truncate", h.node.mutate(h, size, func(edit *spool.File) error {
		return edit.Truncate(size)
	}))
}

// Sync does nothing: written data is visible through this file system at once,
// and Close stores it.
func (h *file) Sync() error { return h.fail("sync", h.err(true)) }

// Stat describes the file as it is now. The result is a *FileInfo.
func (h *file) Stat() (fs.FileInfo, error) {
	if err := h.err(true); err != nil {
		return nil, h.fail("stat", err)
	}
	return fileInfo(h.place.name, h.stat()), nil
}

func (h *file) stat() backend.Info {
	h.node.core.mu.Lock()
	defer h.node.core.mu.Unlock()
	return h.node.stat()
}

// Readdir fails with backend.ErrNotDir.
func (h *file) Readdir(int) ([]fs.FileInfo, error) {
	err := h.err(true)
	if err == nil {
		err = failure(backend.ErrNotDir, "")
	}
	return nil, h.fail("readdir", err)
}

// Readdirnames fails with backend.ErrNotDir.
func (h *file) Readdirnames(int) ([]string, error) {
	_, err := h.Readdir(0)
	return nil, err
}

// Close stores what was written through this handle, unless another handle has
// stored it already. If that fails, the change is discarded and the old content
// stays.
func (h *file) Close() error {
	if !h.end() {
		return pathError("close", h.place.given, fs.ErrClosed)
	}
	var err error
	if h.node.wroteBy(h) {
		err = h.node.commit(h.ctx)
	}
	h.node.leave(h, err != nil)
	return pathError("close", h.place.given, err)
}

// Abort closes the file without storing what was written through it: the old
// content stays. A file that this handle has created disappears.
func (h *file) Abort() error {
	if !h.end() {
		return pathError("abort", h.place.given, fs.ErrClosed)
	}
	h.node.leave(h, true)
	return nil
}

// end closes the handle. It reports whether this was the first call.
func (h *file) end() bool {
	h.state.Lock()
	defer h.state.Unlock()
	if h.closed {
		return false
	}
	h.closed = true
	h.stop()
	h.reader.close()
	return true
}
