// Package reading has readers that check a body: until its context ends,
// and for the announced length.
package reading

import (
	"context"
	"fmt"
	"io"
)

// Until returns a reader of src that fails with the error of ctx once that is
// done. It does not interrupt a Read that blocks.
func Until(ctx context.Context, src io.Reader) io.Reader { return &until{ctx, src} }

type until struct {
	ctx context.Context
	src io.Reader
}

func (r *until) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.src.Read(p)
	if ended := r.ctx.Err(); ended != nil {
		return 0, ended
	}
	return n, err
}

// Exactly returns a reader of src that fails with a [*LengthError] unless src
// has exactly size bytes, and src itself if size is negative. The last bytes
// are returned only once src is known to end there, together with io.EOF: a
// transfer of as many bytes as announced counts as complete.
func Exactly(src io.Reader, size int64) io.Reader {
	if size < 0 {
		return src
	}
	return &exact{src: src, size: size}
}

// LengthError reports a body that is not as long as announced. One that is too
// short is io.ErrUnexpectedEOF.
type LengthError struct {
	Got       int64 // bytes; for a body that is too long, those read
	Announced int64
}

func (e *LengthError) Error() string {
	atLeast := ""
	if e.Got > e.Announced {
		atLeast = "at least "
	}
	return fmt.Sprintf("the body has %s%d bytes, %d announced", atLeast, e.Got, e.Announced)
}

func (e *LengthError) Unwrap() error {
	if e.Got < e.Announced {
		return io.ErrUnexpectedEOF
	}
	return nil
}

type exact struct {
	src       io.Reader
	size, got int64
	err       error // for good
}

func (r *exact) Read(p []byte) (n int, err error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if left := r.size - r.got; left > 0 {
		n, err = r.src.Read(p[:min(int64(len(p)), left)])
		r.got += int64(n)
	}
	if err == nil && r.got == r.size {
		err = r.probe()
	}
	if err == io.EOF && r.got != r.size {
		err = &LengthError{r.got, r.size}
	}
	if r.err = err; err != nil && err != io.EOF {
		n = 0
	}
	return n, err
}

// probe checks that the source ends where it should. A byte in its place is
// counted and ends it too.
func (r *exact) probe() error {
	more := make([]byte, 512)
	for {
		n, err := r.src.Read(more)
		if r.got += int64(n); n > 0 {
			return io.EOF
		}
		if err != nil {
			return err
		}
	}
}
