package vfs

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/vfs/internal/spool"
)

// Create implements afero.Fs. The old content stays in the store until the
// file is closed.
func (f *FS) Create(name string) (afero.File, error) {
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// Open implements afero.Fs.
func (f *FS) Open(name string) (afero.File, error) { return f.OpenFile(name, os.O_RDONLY, 0) }

// OpenFile implements afero.Fs. Stores have no permissions, so perm is ignored.
// A file is stored when it is closed, and only if something was written to it,
// or this call created or truncated it.
func (f *FS) OpenFile(name string, flag int, _ os.FileMode) (afero.File, error) {
	p, err := resolve(name)
	if err == nil {
		err = f.begin()
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	defer f.end()
	var file afero.File
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE) == 0 {
		file, err = f.openRead(p, flag)
	} else {
		file, err = f.openWrite(p, flag)
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return file, nil
}

// maxLooks limits how often a file is looked up that changes between the lookup and
// the open. After that it is opened as it is, without a lookup, as often.
const maxLooks = 4

// openRead opens an existing file or folder. A file is opened in the store at
// once, so that reading returns the content of this moment.
func (f *FS) openRead(p place, flag int) (afero.File, error) {
	for looks := 1; ; looks++ {
		writes := f.meta.Writes()
		at, err := f.look(f.ctx, p.name, looks > maxLooks)
		if err == nil {
			err = p.checkKind(at.info)
		}
		switch {
		case err != nil:
			at.close()
			return nil, err
		case at.info.Dir:
			return &dir{core: f.core, ctx: f.ctx, place: p, info: at.info, children: at.children}, nil
		}
		n := f.bindRead(p.name, at.info, writes)
		switch {
		case n == nil && looks < 2*maxLooks:
			at.close()
			continue
		case n == nil:
			n = f.bind(p.name, at.info)
		}
		n.keepOpen(at.content)
		if n.isLocal() {
			return f.newFile(n, p, flag), nil
		}
		_, err = n.open(f.ctx)
		if err == nil {
			return f.newFile(n, p, flag), nil
		}
		n.drop()
		if !errors.Is(err, backend.ErrChanged) && !errors.Is(err, fs.ErrNotExist) || looks == 2*maxLooks {
			return nil, readError(err)
		}
		f.invalidate(p.name)
	}
}

// openWrite opens a file for writing, or creates it.
func (f *FS) openWrite(p place, flag int) (afero.File, error) {
	unlock, err := f.locks.Lock(f.ctx, pathlock.One(p.name))
	if err != nil {
		return nil, err
	}
	defer unlock()
	info, err := f.stat(f.ctx, p.name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		return f.make(f.ctx, p, flag)
	case err != nil:
		return nil, err
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, failure(fs.ErrExist, "")
	case info.Dir:
		return nil, failure(backend.ErrIsDir, "")
	}
	if err := p.checkKind(info); err != nil {
		return nil, err
	}
	h := f.newFile(f.bind(p.name, info), p, flag)
	if flag&os.O_TRUNC != 0 && h.writable() {
		if err := h.node.mutate(h, 0, func(edit *spool.File) error { return edit.Truncate(0) }); err != nil {
			_ = h.Abort()
			return nil, err
		}
	}
	return h, nil
}

// make creates a file that does not exist.
func (f *FS) make(ctx context.Context, p place, flag int) (afero.File, error) {
	if p.folder {
		return nil, failure(backend.ErrIsDir, "a name that ends with a slash is one of a folder")
	}
	if err := p.checkNew(f.names); err != nil {
		return nil, err
	}
	if err := f.folder(ctx, parentOf(p.name)); err != nil {
		return nil, err
	}
	n := f.bindNew(p.name, flag&os.O_EXCL != 0)
	h := f.newFile(n, p, flag)
	f.mu.Lock()
	defer f.mu.Unlock()
	n.countWriter(h)
	return h, nil
}
