package httpclient

import (
	"context"
	"errors"
	"io"
	"sync"
)

// A Resumer reads a range of one version of a file, and resumes it where a
// connection broke.
type Resumer struct {
	// Fetch opens the bytes from start to end of that version.
	Fetch func(ctx context.Context, start, end int64) (io.ReadCloser, error)
	// Broken is called when Fetch has failed, or when the body that it returned has
	// broken (a BrokenBodyError), with the number of failures since the last byte
	// and the offset of the next. It waits until the next try is due, or returns
	// the error of the reading, which may be that ctx has ended.
	Broken func(ctx context.Context, cause error, try int, at int64) error
}

// Open returns a reader of the bytes from start to end, once the first of them
// can be read. It may be closed while it is being read. It reads until ctx ends.
func (r Resumer) Open(ctx context.Context, start, end int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	reader := &resumed{Resumer: r, ctx: ctx, cancel: cancel, pos: start, end: end}
	if err := reader.connect(); err != nil {
		cancel()
		return nil, err
	}
	return reader, nil
}

type resumed struct {
	Resumer
	ctx      context.Context // of Open, whose reading this is
	cancel   context.CancelFunc
	pos, end int64
	tries    int // since the last byte

	mu     sync.Mutex // guards what follows
	body   io.ReadCloser
	closed bool
}

// A BrokenBodyError is the cause of a break while a body was read.
type BrokenBodyError struct{ Err error }

func (e BrokenBodyError) Error() string { return "the download keeps failing: " + e.Err.Error() }

// Unwrap returns what the body has reported.
func (e BrokenBodyError) Unwrap() error { return e.Err }

func (r *resumed) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.pos < r.end {
		n, err := r.current().Read(p[:min(int64(len(p)), r.end-r.pos)])
		if n > 0 {
			r.pos += int64(n)
			r.tries = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err := r.broken(BrokenBodyError{err}); err != nil {
			return 0, err
		}
		if err := r.connect(); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

func (r *resumed) broken(cause error) error {
	r.tries++
	return r.Broken(r.ctx, cause, r.tries, r.pos)
}

// connect opens the rest of the range.
func (r *resumed) connect() error {
	for {
		body, err := r.Fetch(r.ctx, r.pos, r.end)
		if err == nil {
			r.use(body)
			return nil
		}
		if err := r.broken(err); err != nil {
			return err
		}
	}
}

// current returns the connection in use.
func (r *resumed) current() io.Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body
}

// use replaces the broken connection.
func (r *resumed) use(body io.ReadCloser) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.body != nil {
		r.body.Close()
	}
	if r.body = body; r.closed {
		body.Close()
	}
}

// Close implements io.Closer.
func (r *resumed) Close() error {
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.body.Close()
}
