package terminal

import (
	"io"
	"sync"
)

// An Output is a writer that remembers why it could not write, as most who print
// do not ask. After an error it writes nothing more, so that what is there is a
// beginning of the whole. It may be used concurrently.
type Output struct {
	wrap func(error) error

	mu  sync.Mutex // guards w and err
	w   io.Writer
	err error
}

// NewOutput returns an Output on w that wraps the errors of w.
func NewOutput(w io.Writer, wrap func(error) error) *Output { return &Output{w: w, wrap: wrap} }

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	if err != nil {
		o.err = o.wrap(err)
	}
	return n, o.err
}

// Unwrap returns the writer below.
func (o *Output) Unwrap() io.Writer { return o.w }

// Err returns the first error.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
