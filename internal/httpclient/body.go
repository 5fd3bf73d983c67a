package httpclient

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/davdisk/davdisk/internal/reading"
)

var errDetached = errors.New("the upload is over")

// body is the body of one PUT. It ends with io.EOF only if
// the source had as many bytes as announced: the last of them are held back
// until the source has no more and a check has passed, since a server stores
// what is complete by its length.
type body struct {
	ctx   context.Context // of the caller; ignored once the last byte is sent
	src   io.Reader
	size  int64     // bytes, -1 if unknown
	sum   io.Writer // gets what is sent, nil for none
	idle  *idleTimer
	check func(ctx context.Context) error // called before the last bytes are sent

	answerTimeout time.Duration // how long the server may take after the last byte
	reading       sync.Mutex    // held while src is being read

	mu     sync.Mutex // guards all below
	closed error      // why no more is sent
	whole  bool       // the last byte is sent
	err    error      // of the source or of the check
}

// newBody returns a body of n bytes of src, or all of it if n is negative. A
// body that is known to be empty is checked at once, as the transport does not
// read it.
func newBody(ctx context.Context, src io.Reader, n int64, sum io.Writer, check func(context.Context) error) *body {
	b := &body{ctx: ctx, src: reading.Exactly(src, n), size: n, sum: sum, check: check}
	if n == 0 {
		_, _ = b.next(make([]byte, 1)) // outcome returns its error
	}
	return b
}

// Read implements io.Reader for the transport. The idle timeout is suspended
// while it waits for the source.
func (b *body) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if err := b.state(); err != nil {
		return 0, err
	}
	b.idle.stop()
	defer b.idle.resume()
	return b.next(p)
}

// next reads from the source. The caller holds b.reading.
func (b *body) next(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	switch {
	case err == io.EOF:
		if err := b.finish(b.check(b.ctx)); err != nil {
			return 0, err
		}
		return n, io.EOF
	case err != nil:
		return 0, b.finish(BodyError{err})
	}
	return n, nil
}

// finish ends the body, successfully if err is nil, unless it was stopped
// meanwhile. It never returns io.EOF, which the transport would take for the end.
func (b *body) finish(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed != nil:
		return b.closed
	case b.ctx.Err() != nil:
		b.closed = b.ctx.Err()
		return b.closed
	case err != nil:
		b.err, b.closed = err, errDetached
		return b.closed
	}
	if b.whole, b.closed = true, io.EOF; b.idle != nil {
		b.idle.limit = b.answerTimeout
	}
	return nil
}

func (b *body) state() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed == nil {
		b.closed = b.ctx.Err()
	}
	return b.closed
}

// stop ends the body before its last byte, and reports whether it could.
func (b *body) stop(err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed == nil {
		b.closed = err
	}
	return !b.whole
}

// outcome reports whether the last byte was sent, and returns the error of the
// source or of the check.
func (b *body) outcome() (whole bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole, b.err
}

// detach keeps the transport from reading on, and with wait returns once it
// does not. A source that is not read again may block for ever, and is not
// waited for.
func (b *body) detach(wait bool) {
	b.stop(errDetached)
	if wait {
		b.reading.Lock()
		defer b.reading.Unlock()
	}
}

// follow stops the body when its context ends, unless its last byte is sent by
// then: from there on the upload is finished, whether the caller waits or not.
func (b *body) follow(cancel context.CancelFunc) (stop func() bool) {
	return context.AfterFunc(b.ctx, func() {
		if b.stop(b.ctx.Err()) {
			cancel()
		}
	})
}

// BodyError is an error of the body to be stored, or of its length. It is
// returned to the caller unchanged.
type BodyError struct{ Err error }

func (e BodyError) Error() string { return e.Err.Error() }
func (e BodyError) Unwrap() error { return e.Err }
