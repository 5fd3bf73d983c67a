package local

import (
	"context"
	"errors"
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
	f, fi, err := b.openFile(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &content{b: b, name: name, file: f, opened: fi, attributes: attributesOf(fi), users: 1}
	c.info = b.info(path.Base(name), c.attributes)
	if version != "" && version != c.info.Version {
		c.Close()
		return nil, backend.PathError("open", name, backend.ErrChanged, "")
	}
	return c, nil
}

// openFile opens a file and describes it.
func (b *Backend) openFile(ctx context.Context, name string) (*os.File, fs.FileInfo, error) {
	v, at, err := b.view(ctx, "open", name)
	if err != nil {
		return nil, nil, err
	}
	defer v.close()
	if !v.opened {
		if f, fi := b.beneath.open(at); f != nil {
			return f, fi, nil
		}
	}
	if err := v.checkFile(name, at); err != nil {
		return nil, nil, err // opening a pipe would wait for a writer
	}
	if opensWithoutWaiting {
		if f, fi := v.openSeen(at); f != nil {
			return f, fi, nil
		}
		if err := v.checkFile(name, at); err != nil {
			return nil, nil, err
		}
	}
	f, err := v.root.Open(at)
	if err != nil {
		return nil, nil, pathError("open", name, err)
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, pathError("open", name, err)
	}
	return f, fi, nil
}

// checkFile returns an error unless a file has the name.
func (v *view) checkFile(name, at string) error {
	fi, err := v.stat("open", at)
	if err == nil && fi.IsDir() {
		err = backend.PathError("open", name, backend.ErrIsDir, "")
	}
	return err
}

// openSeen opens what was seen to be a file, and returns nil if it is none any more,
// or cannot be opened without waiting.
func (v *view) openSeen(name string) (*os.File, fs.FileInfo) {
	f, err := openWithoutWaiting(v.root, name)
	if err != nil {
		return nil, nil
	}
	return describeFile(f)
}

// describeFile returns an open file with its description. What is no regular file is
// closed.
func describeFile(f *os.File) (*os.File, fs.FileInfo) {
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		f.Close()
		return nil, nil
	}
	return f, fi
}

// content is an open file. It is closed when the content and all its readers
// are.
type content struct {
	b      *Backend
	name   string
	info   backend.Info
	file   *os.File
	opened fs.FileInfo
	attributes

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

// OpenFile implements backend.FileContent. A file that has lost its name cannot be
// opened again.
func (c *content) OpenFile(ctx context.Context) (*os.File, func() error, error) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return nil, nil, &fs.PathError{Op: "open", Path: c.name, Err: fs.ErrClosed}
	}
	f, now, err := c.b.openFile(ctx, c.name)
	if err != nil {
		return nil, nil, err
	}
	if !os.SameFile(now, c.opened) || !c.same(now) {
		f.Close()
		return nil, nil, backend.PathError("open", c.name, errors.ErrUnsupported, "another file has its name")
	}
	return f, func() error { return c.unchanged(ctx, c.file) }, nil // the same file, open for longer
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
	if changed := r.c.unchanged(r.ctx, r.c.file); changed != nil {
		return 0, changed
	}
	return n, err
}

// unchanged returns an error unless what was just read from the open file f is its
// content.
func (c *content) unchanged(ctx context.Context, f *os.File) error {
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: "read", Path: c.name, Err: err}
	}
	fi, err := f.Stat()
	if err != nil {
		return pathError("read", c.name, err)
	}
	if !c.same(fi) {
		return backend.PathError("read", c.name, backend.ErrChanged, "")
	}
	return nil
}

// same reports whether the file still has the content it was opened with.
// Unlinking changes the status of a file, and so its version, but not its content.
func (c *content) same(now fs.FileInfo) bool {
	if attributesOf(now) == c.attributes {
		return true
	}
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
