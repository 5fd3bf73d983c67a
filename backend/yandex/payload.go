package yandex

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"
	"time"
)

// digest is the size and the hashes of content.
type digest struct {
	size int64
	md5  hash.Hash
	sha  hash.Hash
}

func newDigest() *digest { return &digest{md5: md5.New(), sha: sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	d.md5.Write(p)
	return d.sha.Write(p)
}

func (d *digest) sums() (md5, sha256 string) {
	return hex.EncodeToString(d.md5.Sum(nil)), hex.EncodeToString(d.sha.Sum(nil))
}

var (
	errTooLong = errors.New("the body is longer than was said")
	errLetGo   = errors.New("the upload is over")
)

// payload is the body of one PUT to the uploader. It ends well only if the
// source had as many bytes as were promised: the last of them are held back
// until the source says that it has no more and a check has passed, since the
// uploader stores what is complete by its length.
type payload struct {
	ctx   context.Context // of who waits; once the last byte is out it counts no more
	src   io.Reader
	left  int64   // bytes to come, -1 if unknown
	sum   *digest // what went out, nil if nobody wants to know
	guard *stall
	check func(ctx context.Context) error // made before the last bytes are given out

	answer  time.Duration // how long the other side may take after the last byte
	reading sync.Mutex    // held while src is being read

	mu     sync.Mutex // guards all below
	closed error      // why no more is given out
	whole  bool       // the last byte is out
	err    error      // what is wrong with the source, or what the check found
}

// newPayload prepares n bytes of src, or all there are if n is negative. A
// body that is known to be empty is checked at once, as nobody reads it.
func newPayload(ctx context.Context, src io.Reader, n int64, sum *digest, check func(context.Context) error) *payload {
	p := &payload{ctx: ctx, src: src, left: n, sum: sum, check: check}
	if n == 0 {
		p.end()
	}
	return p
}

// Read implements io.Reader for the transport. While it waits for the source
// the other side is not to blame for standing still.
func (p *payload) Read(buf []byte) (int, error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if err := p.state(); err != nil {
		return 0, err
	}
	p.guard.pause()
	defer p.guard.resume()
	if p.left >= 0 && int64(len(buf)) > p.left {
		buf = buf[:p.left]
	}
	n, err := p.src.Read(buf)
	if p.left > 0 {
		p.left -= int64(n)
	}
	if p.sum != nil {
		p.sum.Write(buf[:n])
	}
	switch {
	case p.left == 0:
		if err := p.end(); err != nil {
			return 0, err
		}
		return n, io.EOF
	case errors.Is(err, io.EOF) && p.left < 0:
		if err := p.finish(p.check(p.ctx)); err != nil {
			return 0, err
		}
		return n, io.EOF
	case errors.Is(err, io.EOF):
		return 0, p.finish(sourceError{io.ErrUnexpectedEOF})
	case err != nil:
		return 0, p.finish(sourceError{err})
	}
	return n, nil
}

// end ends a payload of known length, of which the source must have no more.
func (p *payload) end() error {
	var one [1]byte
	for {
		n, err := p.src.Read(one[:])
		switch {
		case n > 0:
			return p.finish(sourceError{errTooLong})
		case errors.Is(err, io.EOF):
			return p.finish(p.check(p.ctx))
		case err != nil:
			return p.finish(sourceError{err})
		}
	}
}

// finish ends the payload, well if err is nil, unless it was stopped meanwhile.
// What it returns is never io.EOF, which the transport would take for the end.
func (p *payload) finish(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed != nil:
		return p.closed
	case p.ctx.Err() != nil:
		p.closed = p.ctx.Err()
		return p.closed
	case err != nil:
		p.err, p.closed = err, errLetGo
		return p.closed
	}
	if p.whole, p.closed = true, io.EOF; p.guard != nil {
		p.guard.limit = p.answer
	}
	return nil
}

func (p *payload) state() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == nil {
		p.closed = p.ctx.Err()
	}
	return p.closed
}

// stop ends the payload before its last byte, and tells whether it could.
func (p *payload) stop(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == nil {
		p.closed = err
	}
	return !p.whole
}

// outcome tells whether the last byte went out, and what was wrong with the
// source, or found by the check.
func (p *payload) outcome() (whole bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.whole, p.err
}

// letGo keeps the transport from reading on, and waits until it does not.
// With a source that cannot be rewound nobody comes after, and nothing is
// waited for: it may block for ever.
func (p *payload) letGo(wait bool) {
	p.stop(errLetGo)
	if wait {
		p.reading.Lock()
		defer p.reading.Unlock()
	}
}

// follow stops the payload when its context ends, unless its last byte is out by
// then: from there on the upload is finished, whoever waits for it.
func (p *payload) follow(cancel context.CancelFunc) (stop func() bool) {
	return context.AfterFunc(p.ctx, func() {
		if p.stop(p.ctx.Err()) {
			cancel()
		}
	})
}

// sourceError is an error of the body that was to be stored. It reaches the
// caller, whose body it is, as it was.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }
