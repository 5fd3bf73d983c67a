package vfs

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/dircache"
)

// dir is a handle on a folder. Readdir returns the entries of the moment when it
// was first called, or first called after a Seek to the start.
type dir struct {
	core  *core
	ctx   context.Context
	place place
	info  backend.Info

	mu       sync.Mutex         // guards the fields below
	children *dircache.Children // listed by the open; nil once used
	entries  []fs.FileInfo
	read     bool // entries is filled
	next     int  // of entries
	closed   bool
}

var _ afero.File = (*dir)(nil)

// Name returns the name that the folder was opened with.
func (d *dir) Name() string { return d.place.given }

// Stat describes the folder as it was when it was opened. The result is a
// *FileInfo.
func (d *dir) Stat() (fs.FileInfo, error) {
	if d.isClosed() {
		return nil, pathError("stat", d.place.given, fs.ErrClosed)
	}
	return fileInfo(d.place.name, d.info), nil
}

func (d *dir) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over()
}

// over reports whether the handle, or the file system, is closed. The caller
// holds d.mu.
func (d *dir) over() bool { return d.closed || d.core.opened() != nil }

// Readdir implements afero.File, like os.File.Readdir: it returns at most count
// entries if count is above 0, and then io.EOF when there are no more. They are
// sorted by name.
func (d *dir) Readdir(count int) ([]fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over() {
		return nil, pathError("readdir", d.place.given, fs.ErrClosed)
	}
	if err := d.load(); err != nil {
		return nil, pathError("readdir", d.place.given, err)
	}
	rest := d.entries[d.next:]
	if count > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(count, len(rest))]
	}
	d.next += len(rest)
	return slices.Clone(rest), nil
}

// load lists the folder, once. The caller holds d.mu.
func (d *dir) load() error {
	if d.read {
		return nil
	}
	children := d.children
	if children == nil {
		err := d.core.begin()
		if err != nil {
			return err
		}
		defer d.core.end()
		if children, err = d.core.list(d.ctx, d.place.name); err != nil {
			return err
		}
	}
	d.children, d.read = nil, true
	d.entries = fileInfos(children.Sorted(), d.core.bare)
	return nil
}

// Readdirnames is like Readdir, but returns names only.
func (d *dir) Readdirnames(count int) ([]string, error) {
	infos, err := d.Readdir(count)
	var names []string
	for _, info := range infos {
		names = append(names, info.Name())
	}
	return names, err
}

// Seek to the start makes Readdir list the folder anew. Any other offset is
// fs.ErrInvalid.
func (d *dir) Seek(offset int64, whence int) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.over():
		return 0, pathError("seek", d.place.given, fs.ErrClosed)
	case offset != 0 || whence == io.SeekEnd || whence < 0 || whence > io.SeekEnd:
		return 0, pathError("seek", d.place.given, failure(fs.ErrInvalid, "a folder can be rewound only"))
	case whence == io.SeekStart:
		d.children, d.entries, d.read, d.next = nil, nil, false, 0
	}
	return 0, nil
}

// Close implements io.Closer.
func (d *dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return pathError("close", d.place.given, fs.ErrClosed)
	}
	d.closed, d.children, d.entries = true, nil, nil
	return nil
}

// Sync does nothing: changes of a folder are stored at once.
func (d *dir) Sync() error {
	if d.isClosed() {
		return pathError("sync", d.place.given, fs.ErrClosed)
	}
	return nil
}

// refuse returns the error of an operation that only a file supports.
func (d *dir) refuse(op string) error {
	if d.isClosed() {
		return pathError(op, d.place.given, fs.ErrClosed)
	}
	return pathError(op, d.place.given, failure(backend.ErrIsDir, ""))
}

// Read fails with backend.ErrIsDir.
func (d *dir) Read([]byte) (int, error) { return 0, d.refuse("read") }

// ReadAt fails with backend.ErrIsDir.
func (d *dir) ReadAt([]byte, int64) (int, error) { return 0, d.refuse("read") }

// Write fails with backend.ErrIsDir.
func (d *dir) Write([]byte) (int, error) { return 0, d.refuse("write") }

// WriteAt fails with backend.ErrIsDir.
func (d *dir) WriteAt([]byte, int64) (int, error) { return 0, d.refuse("write") }

// WriteString fails with backend.ErrIsDir.
func (d *dir) WriteString(string) (int, error) { return 0, d.refuse("write") }

// Truncate fails with backend.ErrIsDir.
func (d *dir) Truncate(int64) error { return d.refuse("truncate") }
