package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/afero"
)

// Faulty declares how to open the file system so that a Fault can make its
// remote calls fail. The suite then runs each of its fault scenarios with every
// single fault: it counts the remote calls, and makes the first of them fail in
// one run, the second in the next, and so on, each before it is made, after it
// has taken effect, and in the middle of its body.
func Faulty(open func(tb TB, f *Fault) afero.Fs) Option {
	return func(c *config) { c.faulty = open }
}

// A Fault decides which remote call fails. The file system under test must call
// it around each remote call, most easily in the http.RoundTripper, or another
// transport, that the test passes to it:
//
//	func (rt *transport) RoundTrip(req *http.Request) (*http.Response, error) {
//		if err := rt.fault.Call(req.Context(), req.Method); err != nil {
//			return nil, err
//		}
//		if req.Body != nil {
//			req.Body = io.NopCloser(rt.fault.Body(req.Body))
//		}
//		resp, err := rt.next.RoundTrip(req)
//		if err := rt.fault.After(req.Context(), req.Method, err); err != nil {
//			return nil, err
//		}
//		resp.Body = io.NopCloser(rt.fault.Body(resp.Body))
//		return resp, nil
//	}
//
// A fault happens once: the next call works. The methods are safe for
// concurrent use.
type Fault struct {
	mu   sync.Mutex // guards what follows
	mode faultMode
	at   int // which one breaks, from 1
	seen [faultModes]int
	hit  string // the call that broke, in words
}

// A faultMode is when a call fails.
type faultMode int

const (
	never  faultMode = iota
	before           // it is not made
	after            // it takes effect, but its answer is lost
	cut              // what it carries ends half-way
	faultModes
)

func (m faultMode) String() string {
	return [faultModes]string{"never", "before", "after", "half-way through"}[m]
}

// errFault is the error of every failed call.
var errFault = errors.New("the connection broke (injected fault)")

// Call must be called before each remote call. If it returns an error, the call
// must not be made and must return that error.
func (f *Fault) Call(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.strike(before, op)
}

// After must be called after each remote call, with its error. The call must
// return what After returns, whatever it has done.
func (f *Fault) After(_ context.Context, op string, err error) error {
	if err != nil {
		return err
	}
	return f.strike(after, op)
}

// Body wraps the body of a call, up or down, which may be truncated.
func (f *Fault) Body(r io.Reader) io.Reader {
	if err := f.strike(cut, "body"); err != nil {
		return &cutReader{r: r, err: err}
	}
	return r
}

// strike counts a call and makes it fail if it is the one.
func (f *Fault) strike(mode faultMode, op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[mode]++
	if f.mode != mode || f.seen[mode] != f.at {
		return nil
	}
	f.hit = fmt.Sprintf("%v number %d, %s", mode, f.at, op)
	return errFault
}

// arm makes the at-th call from now fail.
func (f *Fault) arm(mode faultMode, at int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode, f.at, f.seen, f.hit = mode, at, [faultModes]int{}, ""
}

// disarm ends that, and returns how many calls of each kind there were and which
// one failed, if one did.
func (f *Fault) disarm() (seen [faultModes]int, hit string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode = never
	return f.seen, f.hit
}

// A cutReader returns half of its first read, then fails.
type cutReader struct {
	r    io.Reader
	err  error
	over bool
}

func (c *cutReader) Read(p []byte) (int, error) {
	if c.over {
		return 0, c.err
	}
	c.over = true
	n, _ := c.r.Read(p)
	if n < 2 {
		return 0, c.err
	}
	return n / 2, nil
}
