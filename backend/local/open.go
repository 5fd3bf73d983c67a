package local

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

// Open implements backend.Backend. The file stays open, so its content stays
// readable when another file takes its name.
func (b *Backend) Open(ctx context.Context, name, version string) (backend.Content, error) {
	v, at, err := b.view(ctx, "open", name)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if fi, err := v.stat("open", at); err != nil {
		return nil, err // opening a pipe would wait for a writer
	} else if fi.IsDir() {
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	}
	f, err := v.root.Open(at)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, pathError("open", name, err)
	}
	c := &content{b: b, name: name, info: b.info(path.Base(name), fi), file: f, opened: fi, users: 1}
	if version != "" && version != c.info.Version {
		c.Close()
		return nil, backend.PathError("open", name, backend.ErrChanged, "")
	}
	return c, nil
}

// content is an open file. It is closed when the content and all its readers
// are.
type content struct {
	b      *Backend
	name   string
	info   backend.Info
	file   *os.File
	opened fs.FileInfo

	mu     sync.Mutex // guards the rest
	users  int        // the content itself and its open readers
	closed bool
}

func (c *content) Info() backend.Info { return c.info }

// Range implements backend.Content.
func (c *content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	start, end, err := backend.ClipRange(ctx, c.name, offset, length, c.info.Size)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, &fs.PathError{Op: "read", Path: c.name, Err: fs.ErrClosed}
	}
	c.users++
	return &reader{ctx: ctx, c: c, section: io.NewSectionReader(c.file, start, end-start)}, nil
}

// Close implements backend.Content.
func (c *content) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	return c.release()
}

func (c *content) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	if c.users > 0 {
		return nil
	}
	return c.file.Close()
}

// reader is one Range.
type reader struct {
	ctx     context.Context
	c       *content
	section *io.SectionReader
	once    sync.Once
}

// Read returns bytes only after checking that the file was not written in
// place.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, &fs.PathError{Op: "read", Path: r.c.name, Err: err}
	}
	n, err := r.section.Read(p)
	if err != nil && err != io.EOF {
		return n, pathError("read", r.c.name, err)
	}
	fi, statErr := r.c.file.Stat()
	if statErr != nil {
		return 0, pathError("read", r.c.name, statErr)
	}
	if !r.c.same(fi) {
		return 0, backend.PathError("read", r.c.name, backend.ErrChanged, "")
	}
	return n, err
}

// same reports whether the file still has the content it was opened with.
// Unlinking changes the status of a file, and so its version, but not its content.
func (c *content) same(now fs.FileInfo) bool {
	if c.b.version(now) == c.b.version(c.opened) {
		return true
	}
	if unlinked(now) && now.Size() == c.opened.Size() && now.ModTime().Equal(c.opened.ModTime()) {
		return true
	}
	// A concurrent Move may not have recorded yet that it is the same file.
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	return c.b.version(now) == c.b.version(c.opened)
}

func (r *reader) Close() error {
	var err error
	r.once.Do(func() { err = r.c.release() })
	return err
}
