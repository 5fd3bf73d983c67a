package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/afero"
)

// A rig is the argument of a case: a file system of its own and the methods to
// fill it, check it, and report failures. The goroutines that Together starts
// may use it, except for methods that end the case.
type rig struct {
	FS afero.Fs

	suite *suite
	id    string
	root  string        // what paths begin with; "/" unless Under says otherwise
	given Tree          // the fixture, once it stands
	alive chan struct{} // a sign of life puts the deadline off

	mu       sync.Mutex // guards what follows
	outcome  outcome
	files    []afero.File // to be closed at the end
	cleanups []func()
	logged   []string
}

// prepare makes the file system, unless it must be made from the fixture.
func (t *rig) prepare(fresh Maker) {
	t.root = "/"
	if t.suite.under != nil {
		t.making(func(tb TB) { t.root = t.suite.under(tb) })
	}
	if t.suite.readOnly != nil {
		return
	}
	t.FS = t.make(fresh)
	t.Progress()
	if t.suite.under == nil {
		if before := t.suite.made.claim(t.FS, t.id); before != "" {
			t.Blockf("the Maker returned the file system of %s again; each case needs its own", before)
		}
		if _, ok := t.FS.(*afero.OsFs); ok {
			t.Blockf("an OsFs covers the whole machine: set a directory to work in, with Under")
		}
	}
	t.refuseLeftovers()
}

// refuseLeftovers blocks the case on a file system that is not empty: it would
// fail for the wrong reason, or remove what it has not made. Other cases with
// the same fault are skipped, because the reason is one.
func (t *rig) refuseLeftovers() {
	if names, err := t.names(t.root); err == nil && len(names) > 0 {
		if t.suite.leftovers.Swap(true) {
			t.Skipf("it is not empty either; the first such case says what to do")
		}
		t.Blockf("the Maker must return an empty file system; this one contains %q. One that cannot be emptied is tested below a new directory for each case, with the option Under", names[:min(len(names), 5)])
	}
}

// make calls build, a function of the author.
func (t *rig) make(build func(tb TB) afero.Fs) (made afero.Fs) {
	t.making(func(tb TB) { made = build(tb) })
	if isNil(made) {
		t.Blockf("the Maker returned nil")
	}
	return made
}

// making calls a function of the author. If it panics or fails, nothing is known
// about the file system, so the case is blocked.
func (t *rig) making(call func(tb TB)) {
	defer func() {
		if r := recover(); r != nil {
			t.Blockf("the Maker panicked: %v\n%s", r, origin())
		}
	}()
	call(makerTB{t})
}

// makerTB is the TB of a Maker: its Fatalf blocks the case.
type makerTB struct{ *rig }

func (tb makerTB) Fatalf(format string, args ...any) {
	tb.Blockf("the Maker gave up: "+format, args...)
}

// Name returns the name of the subtest.
func (t *rig) Name() string { return t.suite.prefix + t.id }

// TempDir makes a local directory that is removed after the case.
func (t *rig) TempDir() string {
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		t.Blockf("no temporary directory: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	})
	return dir
}

// Cleanup registers f to be called after the case, last one first.
func (t *rig) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

func (t *rig) cleanUp() {
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		last := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		last()
	}
}

// Logf records a message of the Maker, which is shown if the case fails.
func (t *rig) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logged = append(t.logged, fmt.Sprintf(format, args...))
}

// Errorf reports a failure; the case continues.
func (t *rig) Errorf(format string, args ...any) {
	t.record(Failed, fmt.Sprintf(format, args...))
}

// Fatalf reports a failure and ends the case.
func (t *rig) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// Blockf ends the case because it cannot be set up.
func (t *rig) Blockf(format string, args ...any) {
	t.record(Blocked, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Skipf ends the case because it does not apply.
func (t *rig) Skipf(format string, args ...any) {
	t.record(Skipped, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Repro adds a Go test to the result.
func (t *rig) Repro(code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outcome.repro = code
}

// Has reports whether the capability is not declared missing.
func (t *rig) Has(c Capability) bool {
	_, lacks := t.suite.declaration(c)
	return !lacks
}

// Path turns a slash-separated name below the root into a path of FS; the
// empty name is the root itself. The name is not cleaned.
func (t *rig) Path(name string) string {
	switch {
	case name == "":
		return t.root
	case t.root == ".":
		return name
	}
	return strings.TrimSuffix(t.root, "/") + "/" + name
}

// OK ends the case unless err is nil.
func (t *rig) OK(err error) {
	if err != nil {
		t.Fatalf("%serror %q, want none", where(), err)
	}
}

// Fails reports a failure unless err is an error, of any kind.
func (t *rig) Fails(err error) {
	if err == nil {
		t.Errorf("%sno error, want one", where())
	}
}

// Is reports a failure unless err is an error of a kind, such as fs.ErrNotExist.
func (t *rig) Is(err, kind error) {
	if !errors.Is(err, kind) {
		t.Errorf("%serror %v, want %q", where(), quoted(err), kind)
	}
}

// PathError reports a failure unless err is a *fs.PathError with the path of a
// name below the root. Operation "" means any.
func (t *rig) PathError(err error, op, name string) {
	var pe *fs.PathError
	switch {
	case !errors.As(err, &pe):
		t.Errorf("%serror %v of type %T, want a *fs.PathError", where(), quoted(err), err)
	case op != "" && pe.Op != op:
		t.Errorf("%sPathError.Op is %q, want %q", where(), pe.Op, op)
	case pe.Path != t.Path(name):
		t.Errorf("%sPathError.Path is %q, want %q, the path that was given", where(), pe.Path, t.Path(name))
	}
}

// LinkError reports a failure unless err is an *os.LinkError with the paths of
// two names.
func (t *rig) LinkError(err error, from, to string) {
	var le *os.LinkError
	switch {
	case !errors.As(err, &le):
		t.Errorf("%serror %v of type %T, want an *os.LinkError", where(), quoted(err), err)
	case le.Old != t.Path(from) || le.New != t.Path(to):
		t.Errorf("%sLinkError is about %q and %q, want %q and %q", where(), le.Old, le.New, t.Path(from), t.Path(to))
	}
}

// equal reports a failure unless got is want; what names the value.
func equal[V comparable](t *rig, what string, got, want V) {
	if got != want {
		t.Errorf("%s%s is %s, want %s", where(), what, brief(got), brief(want))
	}
}

// Together calls f(0) … f(n-1) concurrently, started by one barrier, and returns
// their errors. A panic in one of them is reported.
func (t *rig) Together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer t.recover()
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// where returns the line of the case that called a check.
func where() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		base := path.Base(f.File)
		if !slices.Contains([]string{"t.go", "tree.go", "handle.go"}, base) {
			return fmt.Sprintf("%s:%d: ", base, f.Line)
		}
		if !more {
			return ""
		}
	}
}

func quoted(err error) string {
	if err == nil {
		return "<nil>"
	}
	return fmt.Sprintf("%q", err)
}

// brief formats a value, without the middle of a long one.
func brief(v any) string {
	s := fmt.Sprintf("%v", v)
	if _, ok := v.(string); ok {
		s = fmt.Sprintf("%q", v)
	}
	if len(s) > 160 {
		s = fmt.Sprintf("%s … %s (%d bytes)", s[:70], s[len(s)-70:], len(s))
	}
	return s
}
