package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/afero"
)

// Faulty declares how to open the file system on something that breaks when
// the Fault says so. The suite then takes each of its fault scenarios through
// every single fault: it counts the remote calls, and breaks the first of them
// in one run, the second in the next, and so on, each before it is made, after
// it has taken effect, and in the middle of what it carries.
func Faulty(open func(tb TB, f *Fault) afero.Fs) Option {
	return func(c *config) { c.faulty = open }
}

// A Fault decides which remote call breaks. A file system under test has it
// asked around each call that may fail, most easily in the http.RoundTripper,
// or whatever it stands on, that the test gives it:
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
// One that has been broken is over: the next call works. The methods may be
// called from any goroutine.
type Fault struct {
	mu   sync.Mutex // guards what follows
	mode faultMode
	at   int // which one breaks, from 1
	seen [faultModes]int
	hit  string // the call that broke, in words
}

// A faultMode is when a call breaks.
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

// errFault is what every broken call answers.
var errFault = errors.New("the connection broke, because the test wants it so")

// Call is asked before each remote call. A non-nil error is what that call
// must answer without being made.
func (f *Fault) Call(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.strike(before, op)
}

// After is asked when the call has been made, with its error. What it returns
// is what the call must answer, whatever it has done.
func (f *Fault) After(_ context.Context, op string, err error) error {
	if err != nil {
		return err
	}
	return f.strike(after, op)
}

// Body wraps what a call carries, up or down, which may be cut short.
func (f *Fault) Body(r io.Reader) io.Reader {
	if err := f.strike(cut, "body"); err != nil {
		return &cutReader{r: r, err: err}
	}
	return r
}

// strike counts a call and breaks it if it is the one.
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

// arm has the at-th call from now break.
func (f *Fault) arm(mode faultMode, at int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode, f.at, f.seen, f.hit = mode, at, [faultModes]int{}, ""
}

// disarm ends it, and tells how many calls of each kind there were and which
// one broke, if one did.
func (f *Fault) disarm() (seen [faultModes]int, hit string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode = never
	return f.seen, f.hit
}

// A cutReader gives half of the first thing it reads, then breaks.
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
