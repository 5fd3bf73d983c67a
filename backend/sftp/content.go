package sftp

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"sync"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// readAhead is how much is requested at a time: the client splits it into
// packets that are under way together.
const readAhead = 512 << 10

// Open implements backend.Backend. The file stays open on the server, so its
// content stays readable when another file takes its name; after a lost
// connection it is opened again, if it is still the same.
func (b *Backend) Open(ctx context.Context, name, version string) (backend.Content, error) {
	fi, err := b.find(ctx, "open", name)
	if err != nil {
		return nil, err
	}
	if fi.IsDir() {
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	}
	c := &content{b: b, name: name}
	if c.file, err = c.open(ctx); err != nil {
		return nil, pathError("open", name, err)
	}
	c.info, c.stamp = b.info(name, c.file.fi), stampOf(c.file.fi)
	if version != "" && version != c.info.Version {
		c.Close()
		return nil, backend.PathError("open", name, backend.ErrChanged, "")
	}
	return c, nil
}

// content is an open file.
type content struct {
	b     *Backend
	name  string
	info  backend.Info
	stamp stamp

	mu     sync.Mutex // guards the rest
	file   *handle    // nil after it was lost with its connection
	closed bool
}

// handle is an open file on the server, closed after its last user.
type handle struct {
	*sftp.File
	conn  *conn
	fi    fs.FileInfo
	users int // guarded by the mutex of its content
}

func (c *content) open(ctx context.Context) (*handle, error) {
	return within(ctx, c.b, func(conn *conn) (*handle, error) {
		f, err := conn.Open(c.b.at(c.name))
		if err != nil {
			return nil, err
		}
		fi, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		return &handle{File: f, conn: conn, fi: fi, users: 1}, nil
	})
}

func (c *content) Info() backend.Info { return c.info }

// Range implements backend.Content.
func (c *content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	start, end, err := backend.ClipRange(ctx, c.name, offset, length, c.info.Size)
	if err != nil {
		return nil, err
	}
	h, err := c.take(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, c: c, h: h, pos: start, end: end}
	r.buffer = bufio.NewReaderSize(readerFunc(r.fill), int(min(readAhead, max(end-start, 16))))
	return r, nil
}

// take returns the file for one more user. It is opened again if its connection
// was lost.
func (c *content) take(ctx context.Context) (*handle, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, &fs.PathError{Op: "read", Path: c.name, Err: fs.ErrClosed}
	}
	if c.file != nil && c.file.conn.isClosed() {
		c.drop()
	}
	if c.file == nil {
		if _, err := c.b.find(ctx, "read", c.name); err != nil {
			return nil, err
		}
		h, err := c.open(ctx)
		if err != nil {
			return nil, pathError("read", c.name, err)
		}
		if !c.same(ctx, h.fi) {
			h.Close()
			return nil, backend.PathError("read", c.name, backend.ErrChanged, "")
		}
		c.file = h
	}
	c.file.users++
	return c.file, nil
}

// same reports whether a file has the content that was opened first, also if its
// time was set here meanwhile.
func (c *content) same(ctx context.Context, fi fs.FileInfo) bool {
	s := stampOf(fi)
	if s == c.stamp || s.size != c.stamp.size {
		return s == c.stamp
	}
	unlock, err := c.b.names.Lock(ctx, pathlock.One(c.name)) // so that it is remembered
	if err != nil {
		return false
	}
	defer unlock()
	return c.b.versions.of(c.name, s) == c.info.Version
}

// drop gives the file up. The caller holds c.mu.
func (c *content) drop() {
	if h := c.file; h != nil {
		c.file = nil
		c.leave(h)
	}
}

func (c *content) release(h *handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(h)
}

// leave closes a file after its last user. The caller holds c.mu.
func (c *content) leave(h *handle) {
	if h.users--; h.users == 0 {
		// Nothing was written, so that nobody has to wait.
		c.b.begin(func() { h.Close() })
	}
}

// lost invalidates a file whose connection was lost.
func (c *content) lost(h *handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == h {
		c.drop()
	}
}

// Close implements backend.Content.
func (c *content) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.drop()
	return nil
}

// reader is one Range.
type reader struct {
	ctx      context.Context
	c        *content
	h        *handle
	pos, end int64
	buffer   *bufio.Reader
	once     sync.Once
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (r *reader) Read(p []byte) (int, error) { return r.buffer.Read(p) }

// fill reads what comes next, and returns it only after checking that the file
// was not written in place.
func (r *reader) fill(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, &fs.PathError{Op: "read", Path: r.c.name, Err: err}
	}
	if r.pos == r.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.end-r.pos)]
	type part struct {
		data []byte
		fi   fs.FileInfo
	}
	// The call may outlive this one, so it reads into memory of its own.
	pos, size := r.pos, len(p)
	read, err := run(r.ctx, r.c.b, r.h.conn, func(*conn) (part, error) {
		data := make([]byte, size)
		n, err := r.h.ReadAt(data, pos)
		if err != nil && err != io.EOF { //nolint:errorlint // ReadAt returns it bare
			return part{}, err
		}
		fi, err := r.h.Stat()
		return part{data[:n], fi}, err
	})
	if err != nil {
		if isLost(err) {
			r.c.b.lose(r.h.conn, err)
			r.c.lost(r.h)
			err = lost(err)
		}
		return 0, pathError("read", r.c.name, err)
	}
	if !r.c.same(r.ctx, read.fi) {
		return 0, backend.PathError("read", r.c.name, backend.ErrChanged, "")
	}
	if len(read.data) == 0 {
		return 0, backend.PathError("read", r.c.name, backend.ErrUnavailable, "the server has fewer bytes than it says")
	}
	r.pos += int64(len(read.data))
	return copy(p, read.data), nil
}

func (r *reader) Close() error {
	r.once.Do(func() { r.c.release(r.h) })
	return nil
}
