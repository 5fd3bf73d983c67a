package vfs

import (
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/reading"
	"github.com/davdisk/davdisk/vfs/internal/spool"
)

// Put stores body as the whole content of a file, new or replaced, and returns
// a *FileInfo. If it fails, the old content stays. Files opened before keep
// reading the old content.
//
// size is the number of bytes, -1 if unknown; a body of another length, or
// one that fails, is an error. mtime is the modification time to record; zero
// means now. If ifMatch is not empty, it is the entity tag that the file must
// have, else backend.ErrChanged; with ifAbsent the name must be free, else
// fs.ErrExist. A missing parent is fs.ErrNotExist, a folder of that name
// backend.ErrIsDir. It waits, a minute at most, for the room of [WithSpoolSize].
func (f *FS) Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	info, err := f.put(name, body, size, mtime, ifMatch, ifAbsent)
	if err != nil {
		return nil, pathError("put", name, err)
	}
	return info, nil
}

func (f *FS) put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (*FileInfo, error) {
	p, err := resolve(name)
	if err != nil {
		return nil, err
	}
	version, err := versionOf(ifMatch)
	switch {
	case err != nil:
		return nil, err
	case p.name == ".", p.folder:
		return nil, failure(backend.ErrIsDir, "")
	}
	if err := p.checkNew(f.names); err != nil {
		return nil, err
	}
	if err := f.checkSize(f.ctx, p.name, size); err != nil {
		return nil, err
	}
	if err := f.begin(); err != nil {
		return nil, err
	}
	defer f.end()

	if size < 0 {
		body = &sizeChecked{core: f.core, ctx: f.ctx, name: p.name, body: body}
	}
	// A store on this machine has no transfer to repeat: a large body is not kept
	// for that.
	direct := size > memoryPerFile && backend.IsDirect(f.b)
	if !direct {
		room := f.budget.Join()
		defer room.Leave()
		body = room.Reader(f.ctx, body) // by what has come: an announced size takes nothing from others
	}

	// A body that fits into memory, or has no known length, is received before
	// the name is locked, so that a slow client does not block others.
	received := f.spools.New()
	defer received.Close()
	switch {
	case direct:
		body = reading.Exactly(body, size)
	case size < 0 || size <= memoryPerFile:
		if size, err = spool.Fill(received, body, size); err != nil {
			return nil, err
		}
		body = received.Reader()
	default:
		streamed := spool.Tee(received, body, size)
		defer streamed.Close()
		body = streamed
	}

	unlock, err := f.locks.Lock(f.ctx, pathlock.One(p.name))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := f.visible(f.ctx, p.name); err != nil {
		return nil, err
	}
	if f.pending(p.name) != nil {
		switch {
		case ifAbsent:
			return nil, failure(fs.ErrExist, "being written")
		case version != "":
			return nil, failure(backend.ErrChanged, "being written")
		}
	}
	f.pinOpenFiles(f.ctx, p.name)
	info, err := f.b.Put(f.ctx, p.name, body, backend.PutOptions{
		Size: size, IfAbsent: ifAbsent, IfVersion: version, ModTime: mtime,
	})
	if err != nil {
		f.invalidate(p.name)
		return nil, err
	}
	f.supersede(p.name)
	f.meta.Stored(p.name, info)
	return fileInfo(p.name, info), nil
}

// versionOf returns the version that an entity tag stands for; "" for "".
func versionOf(tag string) (string, error) {
	if tag == "" {
		return "", nil
	}
	version, ok := strings.CutPrefix(tag, `"`)
	if ok {
		version, ok = strings.CutSuffix(version, `"`)
	}
	if !ok || version == "" {
		return "", failure(backend.ErrChanged, "no file has that entity tag")
	}
	return version, nil
}

// supersede unbinds the open files at and below a name that was replaced as a
// whole.
func (c *core) supersede(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, n := range c.nodes {
		if backend.Within(at, name) {
			n.unbind(true)
		}
	}
}
