package conformance

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/spf13/afero"
)

// An outcome is what isolate saw of a case.
type outcome struct {
	verdict Verdict
	detail  string
	repro   string
}

// isolate runs a case on a file system of its own, in a goroutine of its own,
// and then the cleanup functions of the Maker. A goroutine that does not return
// in time is abandoned, with its file system.
func (s *suite) isolate(e entry) outcome {
	t := &rig{suite: s, id: e.id, alive: make(chan struct{}, 1)}
	o := t.within(s.deadline, func() {
		defer t.closeFiles()
		t.prepare(s.fresh)
		e.run(t)
	})
	janitor := &rig{suite: s, id: e.id} // not t, which a hung case may still hold
	after := janitor.within(s.deadline, t.cleanUp)
	if o.verdict == Passed && after.verdict != Passed {
		o = after
		o.detail = "cleaning up: " + o.detail
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.verdict.Bad() && t.logged != nil {
		o.detail += "\nlogged: " + strings.Join(t.logged, "\nlogged: ")
	}
	return o
}

// within runs f and returns the outcome, at the latest when the limit is
// exceeded.
func (t *rig) within(limit time.Duration, f func()) outcome {
	started, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		defer t.recover()
		started <- goroutineID()
		f()
		t.record(Passed, "")
	}()
	id := <-started
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for over := false; !over; {
		select {
		case <-ended:
			over = true
			if t.verdict() == 0 {
				t.record(Failed, "the goroutine of the case ended early: something called runtime.Goexit")
			}
		case <-t.alive:
			timer.Reset(limit)
		case <-timer.C:
			over = true
			t.record(Hung, fmt.Sprintf("no answer within %v:\n%s", limit, stackOf(id)))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outcome
}

// Progress restarts the deadline, for a case with many short steps.
func (t *rig) Progress() {
	select {
	case t.alive <- struct{}{}:
	default:
	}
}

func (t *rig) verdict() Verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outcome.verdict
}

// record records a verdict. The first one stays, except that a panic or a hang
// replaces an earlier failure.
func (t *rig) record(v Verdict, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch o := &t.outcome; {
	case o.verdict == 0:
		o.verdict, o.detail = v, detail
	case v == Failed && o.verdict == Failed, v == Panicked, v == Hung:
		o.verdict, o.detail = v, o.detail+"\n"+detail
	}
}

// recover turns a panic into an outcome that names the place outside the
// suite where it came from.
func (t *rig) recover() {
	if r := recover(); r != nil {
		t.record(Panicked, fmt.Sprintf("panic: %v\n%s", r, origin()))
	}
}

// origin finds the innermost frame of a panic that is neither the runtime's
// nor the suite's.
func origin() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		own := strings.HasPrefix(f.Function, reflect.TypeFor[rig]().PkgPath()+".")
		if f.Function != "" && !own && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("in %s (%s:%d)", f.Function, filepath.Base(f.File), f.Line)
		}
		if !more {
			return "in the suite itself"
		}
	}
}

// goroutineID reads the number of the calling goroutine, which there is no
// other way to know, so that its stack can be found again among all.
func goroutineID() string {
	buf := make([]byte, 64)
	return string(bytes.Fields(buf[:runtime.Stack(buf, false)])[1])
}

// stackOf returns the stack of one goroutine.
func stackOf(id string) string {
	buf := make([]byte, 4<<20)
	for _, one := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.HasPrefix(one, "goroutine "+id+" ") {
			return one
		}
	}
	return "its goroutine is not to be found"
}

// A registry remembers which file systems have been handed out, without
// keeping them alive.
type registry struct {
	mu   sync.Mutex
	seen map[weak.Pointer[byte]]string // case IDs
}

// claim notes that a case has got this file system, and returns the case that
// had it before, if any.
func (r *registry) claim(fs afero.Fs, id string) (before string) {
	v := reflect.ValueOf(fs)
	if v.Kind() != reflect.Pointer || v.Type().Elem().Size() == 0 {
		return "" // a value has no identity
	}
	key := weak.Make((*byte)(v.UnsafePointer()))
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, ok := r.seen[key]; ok {
		return before
	}
	if r.seen == nil {
		r.seen = map[weak.Pointer[byte]]string{}
	}
	r.seen[key] = id
	return ""
}
