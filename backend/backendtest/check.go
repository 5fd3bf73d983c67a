package backendtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A Result is the outcome of one test.
type Result struct {
	Test    string        `json:"test"` // "put/only if absent"
	Verdict Verdict       `json:"verdict"`
	Detail  string        `json:"detail,omitempty"` // what failed, or why the test was left out
	Took    time.Duration `json:"took"`             // nanoseconds
}

// A Verdict is the outcome of a test in one word.
type Verdict string

// The verdicts.
const (
	Passed  Verdict = "passed"
	Failed  Verdict = "failed"
	LeftOut Verdict = "left out" // it needs what the store declares as lacking, or the run was canceled
)

// A Report holds the results of Check in the order in which the tests ran.
type Report struct {
	Results []Result `json:"results"`
}

// Count returns the number of results with a verdict.
func (r Report) Count(v Verdict) int {
	n := 0
	for _, result := range r.Results {
		if result.Verdict == v {
			n++
		}
	}
	return n
}

// WriteTo writes what failed and what was left out, then the score. It implements
// io.WriterTo.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	for _, verdict := range []Verdict{Failed, LeftOut} {
		for _, result := range r.Results {
			if result.Verdict == verdict {
				fmt.Fprintf(&text, "%s %s\n    %s\n", strings.ToUpper(string(verdict)), result.Test, strings.ReplaceAll(strings.TrimSpace(result.Detail), "\n", "\n    "))
			}
		}
	}
	fmt.Fprintf(&text, "%d of %d passed, %d failed, %d left out\n", r.Count(Passed), len(r.Results), r.Count(Failed), r.Count(LeftOut))
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}

// Check is like Run, outside go test: for a command that checks a live store.
// What a store lacks and a test does not see is left out there, not failed.
// Once ctx is done it starts no further test.
func Check(ctx context.Context, open Maker, opts ...Option) Report {
	s := newSettings(opts)
	s.live = true
	return s.checkAll(ctx, open)
}

func (s *settings) checkAll(ctx context.Context, open Maker) Report {
	var report Report
	for _, g := range groups() {
		for _, name := range g.names() {
			if !s.only(g.name + "/" + name) {
				continue
			}
			result := Result{Test: g.name + "/" + name, Verdict: LeftOut, Detail: "the run was canceled"}
			if ctx.Err() == nil {
				result = s.check(ctx, result.Test, open, g.tests[name])
			}
			report.Results = append(report.Results, result)
			s.each(result)
		}
	}
	return report
}

// check runs one test in a goroutine of its own, which Fatalf and Skipf end.
func (s *settings) check(ctx context.Context, name string, open Maker, test func(*harness)) Result {
	began := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &recorder{name: name, ctx: ctx, verdict: Passed}
	t.do(func() { s.run(t, open, test) })
	cancel() // as testing.T does before the cleanup
	t.cleanUp()
	t.mu.Lock()
	defer t.mu.Unlock()
	return Result{Test: name, Verdict: t.verdict, Detail: strings.Join(t.details, "\n"), Took: time.Since(began)}
}

// recorder is the TB of Check.
type recorder struct {
	name string
	ctx  context.Context

	mu       sync.Mutex // guards what follows
	verdict  Verdict
	details  []string
	cleanups []func()
}

// do calls f in a goroutine, which f may end, and waits for it.
func (r *recorder) do(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer caught(r)
		f()
	}()
	<-ended
}

func (r *recorder) cleanUp() {
	for {
		r.mu.Lock()
		n := len(r.cleanups)
		if n == 0 {
			r.mu.Unlock()
			return
		}
		last := r.cleanups[n-1]
		r.cleanups = r.cleanups[:n-1]
		r.mu.Unlock()
		r.do(last)
	}
}

func (r *recorder) record(v Verdict, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.verdict != Failed {
		r.verdict = v
	}
	r.details = append(r.details, detail)
}

func (r *recorder) Name() string             { return r.name }
func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Error(args ...any)        { r.record(Failed, fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) {
	r.record(Failed, fmt.Sprintf(format, args...))
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.details = append(r.details, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.record(LeftOut, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) TempDir() string {
	dir, err := os.MkdirTemp("", "backendtest-")
	if err != nil {
		r.Fatalf("no temporary directory: %v", err)
	}
	r.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			r.Errorf("remove the temporary directory: %v", err)
		}
	})
	return dir
}
