package writeback

import (
	"context"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

// content is the content of an entry, opened for reading. It stays readable
// after the entry has been stored or replaced, and its file removed.
type content struct {
	info backend.Info
	file *os.File

	mu    sync.Mutex // guards users
	users int        // the content itself, until Close, and its open ranges
}

func openContent(name string, info backend.Info) (*content, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &content{info: info, file: file, users: 1}, nil
}

// Info implements backend.Content.
func (c *content) Info() backend.Info { return c.info }

// Range implements backend.Content.
func (c *content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, backend.PathError("read", c.info.Name, fs.ErrInvalid, "negative offset")
	}
	rest := max(0, c.info.Size-offset)
	if length < 0 || length > rest {
		length = rest
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 {
		return nil, fs.ErrClosed
	}
	c.users++
	return &reader{part: io.NewSectionReader(c.file, offset, length), ctx: ctx, leave: sync.OnceValue(c.leave)}, nil
}

// Close implements backend.Content. It must be called once.
func (c *content) Close() error { return c.leave() }

func (c *content) leave() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users > 0 {
		return nil
	}
	return c.file.Close()
}

// reader is an open range of a content.
type reader struct {
	part  *io.SectionReader
	ctx   context.Context
	leave func() error
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.part.Read(p)
	if at, _ := r.part.Seek(0, io.SeekCurrent); err == io.EOF && at < r.part.Size() {
		err = io.ErrUnexpectedEOF // the file has been truncated
	}
	return n, err
}

func (r *reader) Close() error { return r.leave() }
