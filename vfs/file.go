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

// file is a handle on a file: an offset and the right to read or write.
type file struct {
	node  *node
	place place
	flag  int
	ctx   context.Context // of the FS it was opened through
	wrote bool            // something to store; guarded by core.mu

	reading context.Context // ends with ctx and with Close
	stop    context.CancelFunc
	reader  reader

	mu     sync.Mutex // guards all below; held while the offset is in use
	offset int64

	state  sync.Mutex // guards closed
	closed bool
}

var _ afero.File = (*file)(nil)

func (f *FS) newFile(n *node, p place, flag int) *file {
	h := &file{node: n, place: p, flag: flag, ctx: f.ctx}
	h.reading, h.stop = context.WithCancel(f.ctx)
	h.reader.readAhead, h.reader.cache = f.opts.readAhead, f.chunks
	return h
}

func (h *file) readable() bool { return h.flag&os.O_WRONLY == 0 }
func (h *file) writable() bool { return h.flag&(os.O_WRONLY|os.O_RDWR) != 0 }

// Name is the name the file was opened with.
func (h *file) Name() string { return h.place.given }

// err tells why an operation cannot be done on this handle.
func (h *file) err(allowed bool) error {
	h.state.Lock()
	defer h.state.Unlock()
	switch {
	case h.closed:
		return fs.ErrClosed
	case !allowed:
		return failure(fs.ErrPermission, "not opened for that")
	}
	return nil
}

// fail names the operation, unless err is io.EOF, which callers compare.
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
		return 0, h.fail("seek", failure(fs.ErrInvalid, "before the begin of the file"))
	}
	h.offset = offset
	return offset, nil
}

// Write implements io.Writer. The bytes are stored by Close.
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

// WriteString is Write.
func (h *file) WriteString(s string) (int, error) { return h.Write([]byte(s)) }

// WriteAt implements io.WriterAt.
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
		h.node.breaks(err)
	}
	return n, err
}

// Truncate sets the size; what it adds is zero.
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

// Sync does nothing: what is written can be seen through this file system at
// once, and is stored by Close.
func (h *file) Sync() error { return h.fail("sync", h.err(true)) }

// Stat describes the file as it is now.
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

// Readdir fails: this is not a folder.
func (h *file) Readdir(int) ([]fs.FileInfo, error) {
	err := h.err(true)
	if err == nil {
		err = failure(backend.ErrNotDir, "")
	}
	return nil, h.fail("readdir", err)
}

// Readdirnames fails: this is not a folder.
func (h *file) Readdirnames(int) ([]string, error) {
	_, err := h.Readdir(0)
	return nil, err
}

// Close stores what was written through this handle, unless another one has
// done so. If that fails, the change is dropped and what was stored before
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

// Abort closes the file without storing what was written through it: what was
// stored before stays. A file that this handle has made is not there any more.
func (h *file) Abort() error {
	if !h.end() {
		return pathError("abort", h.place.given, fs.ErrClosed)
	}
	h.node.leave(h, true)
	return nil
}

// end closes the handle, once.
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
