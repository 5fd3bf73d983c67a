package conformance

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// A Maker returns an empty file system that nothing else uses. It is called
// once for each case, concurrently if the run is Parallel. It registers its
// cleanup with tb.Cleanup.
type Maker func(tb TB) afero.Fs

// TB is the part of testing.TB that a Maker may use; *testing.T is one.
type TB interface {
	Name() string
	TempDir() string
	Cleanup(func())
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A Case is one requirement.
type Case struct {
	ID    string       `json:"id"`    // "rename/dir-into-itself"
	Doc   string       `json:"doc"`   // one sentence: what must hold
	Level Level        `json:"level"` // severity of a failure
	Needs []Capability `json:"needs,omitempty"`
}

// Group returns the part of the ID before the slash.
func (c Case) Group() string {
	group, _, _ := strings.Cut(c.ID, "/")
	return group
}

// A Level is the severity of a failed case.
type Level int

const (
	Data   Level = iota + 1 // bytes lost or changed, success reported for what was not done, crash, hang
	Errors                  // the right kind of error
	Parity                  // the same as package os in a detail
)

// String returns the level in one lower-case word.
func (l Level) String() string {
	switch l {
	case Data:
		return "data"
	case Errors:
		return "errors"
	case Parity:
		return "parity"
	}
	return fmt.Sprintf("level(%d)", int(l))
}

// MarshalText implements encoding.TextMarshaler with that word, for JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// An entry is a row of the catalog.
type entry struct {
	id    string
	level Level
	needs []Capability
	doc   string
	run   func(t *rig)
	reads bool                   // changes nothing but the fixture, so it suits a read-only Fs too
	alone bool                   // looks at the whole process, so nothing else may run meanwhile
	skip  func(c *config) string // why the case does not apply, if it does not
}

// asCase is the public view of an entry.
func (e entry) asCase() Case {
	needs := e.needs
	if !e.reads {
		needs = append([]Capability{Writes}, needs...)
	}
	return Case{ID: e.id, Doc: e.doc, Level: e.level, Needs: needs}
}

// catalog lists every case, in running order.
func catalog() []entry {
	return slices.Concat(
		openCases(), openFlagCases(), createCases(), appendCases(), readCases(), readAtCases(), seekCases(),
		writeCases(), writeAtCases(), truncateCases(), closeCases(), nameCases(), syncCases(), largeCases(),
		mkdirCases(), mkdirAllCases(), removeCases(), removeAllCases(), renameCases(), readdirCases(),
		statCases(), modeCases(), chownCases(), timesCases(),
		nameTextCases(), pathCases(), iofsCases(), helperCases(), linkCases(), refusalCases(), concurrentCases(),
		modelCases(), faultCases(), leakCases(),
	)
}

// Cases returns an iterator over the catalog in running order.
func Cases() iter.Seq[Case] {
	return func(yield func(Case) bool) {
		for _, e := range catalog() {
			if !yield(e.asCase()) {
				return
			}
		}
	}
}

// Run checks the file systems that fresh returns, with one subtest for each
// case, so that go test -run 'TestMine/rename' works. If any fails, a summary by
// group and by cause comes last. If a fatal error ends the
// process, the last line of go test -v names the case; see Crashes.
func Run(t *testing.T, fresh Maker, opts ...Option) Report {
	t.Helper()
	if testing.Short() {
		opts = append([]Option{Effort(200, 40)}, opts...)
	}
	s := newSuite(t.Name()+"/", fresh, opts)
	report := s.run(t.Context(), func(id string, check func() Result) {
		t.Run(id, func(t *testing.T) {
			switch r := check(); {
			case r.Verdict.Bad():
				t.Errorf("%v (%v)\nmust:  %s\nfound: %s\n%s", r.Verdict, r.Case.Level, r.Case.Doc, r.Detail, r.Repro)
			case r.Verdict != Passed:
				t.Skipf("%v: %s", r.Verdict, r.Detail)
			}
		})
	})
	if report.Err() != nil {
		var summary bytes.Buffer
		report.writeGroups(&summary)
		report.writeCauses(&summary)
		t.Log("\n" + summary.String())
	}
	return report
}

// Check is like Run, outside go test: for a command that checks a live remote.
// Once ctx is done it starts no further case, and waits for the running ones.
func Check(ctx context.Context, fresh Maker, opts ...Option) Report {
	s := newSuite("", fresh, opts)
	return s.run(ctx, func(_ string, check func() Result) { check() })
}

// A suite is one run.
type suite struct {
	*config
	prefix string // of what TB.Name returns
	fresh  Maker
	made   registry
	// leftovers is set once a case was blocked by a file system that is not empty.
	leftovers atomic.Bool
	eachMu    sync.Mutex // held while config.each is called
}

func newSuite(prefix string, fresh Maker, opts []Option) *suite {
	s := &suite{config: newConfig(opts), prefix: prefix, fresh: fresh}
	if s.seed == 0 {
		s.seed = rand.Uint64()
	}
	return s
}

// run takes the catalog through do, which may leave a case out by not
// calling check.
func (s *suite) run(ctx context.Context, do func(id string, check func() Result)) Report {
	began := time.Now()
	entries := catalog()
	results := make([]Result, len(entries))
	one := func(i int) {
		do(entries[i].id, func() Result {
			results[i] = s.check(ctx, entries[i])
			s.tell(results[i])
			return results[i]
		})
	}
	queue := make(chan int)
	var workers sync.WaitGroup
	for range s.parallel {
		workers.Go(func() {
			for i := range queue {
				one(i)
			}
		})
	}
	for i, e := range entries {
		if s.selects(e) && !e.alone {
			queue <- i
		}
	}
	close(queue)
	workers.Wait()
	for i, e := range entries {
		if s.selects(e) && e.alone {
			one(i)
		}
	}
	wrong := s.review(entries, results)
	for i := range wrong {
		do(wrong[i].Case.ID, func() Result { s.tell(wrong[i]); return wrong[i] })
	}
	results = slices.DeleteFunc(results, func(r Result) bool { return r.Verdict == 0 })
	return Report{
		Results:  append(results, wrong...),
		Declared: s.declared,
		Within:   s.within,
		Seed:     s.seed,
		Took:     time.Since(began),
	}
}

// selects reports whether Only and UpTo let the case through.
func (s *suite) selects(e entry) bool {
	if s.only == "" {
		return e.level <= s.upTo
	}
	match, _ := path.Match(s.only, e.id)
	return match && e.level <= s.upTo
}

func (s *suite) tell(r Result) {
	if s.each != nil {
		s.eachMu.Lock()
		defer s.eachMu.Unlock()
		s.each(r)
	}
}

// check runs one case, or finds the reason why it is not run, and compares the
// outcome with what is declared.
func (s *suite) check(ctx context.Context, e entry) Result {
	r := Result{Case: e.asCase()}
	if ctx.Err() != nil {
		r.Verdict, r.Detail = Skipped, "the run was canceled"
		return r
	}
	if why, ok := s.crashes[e.id]; ok {
		r.Verdict, r.Detail = Crashing, why
		return r
	}
	if d, ok := s.lacking(r.Case.Needs); ok {
		r.Verdict, r.Detail = d.Verdict, fmt.Sprintf("%v: %s", d.Capability, d.Why)
		return r
	}
	if e.skip != nil {
		if why := e.skip(s.config); why != "" {
			r.Verdict, r.Detail = Skipped, why
			return r
		}
	}
	began := time.Now()
	o := s.isolate(e)
	r.Verdict, r.Detail, r.Repro, r.Took = o.verdict, o.detail, o.repro, time.Since(began)
	if why, ok := s.known[e.id]; ok {
		switch {
		case r.Verdict.Bad():
			r.Detail = fmt.Sprintf("%s\n(%v: %s)", why, r.Verdict, r.Detail)
			r.Verdict = WasKnown
		case r.Verdict == Passed:
			r.Verdict, r.Detail = Cured, "it passes now, so remove its Known, which says: "+why
		}
	}
	return r
}

// review finds invalid options: those that are invalid by themselves, those
// about a case that does not exist, and, if everything was run, those that
// exclude nothing.
func (s *suite) review(entries []entry, results []Result) []Result {
	wrong := slices.Clone(s.wrong)
	place := map[string]int{}
	complete, selected := true, 0
	for i, e := range entries {
		place[e.id] = i
		if s.selects(e) {
			selected++
		}
		complete = complete && results[i].Verdict != 0
	}
	if selected == 0 {
		wrong = append(wrong, fmt.Sprintf("Only(%q) selects no case", s.only))
	}
	for _, list := range []struct {
		option string
		ids    map[string]string
	}{{"Known", s.known}, {"Crashes", s.crashes}} {
		for id := range list.ids {
			caseID, _, _ := strings.Cut(id, "#") // what follows is the signature of a disagreement
			i, ok := place[caseID]
			switch {
			case !ok:
				wrong = append(wrong, fmt.Sprintf("%s(%q): there is no such case", list.option, id))
			case results[i].Verdict == Refused, results[i].Verdict == Ignored:
				wrong = append(wrong, fmt.Sprintf("%s(%q) excuses nothing: the case is not run, because of %s", list.option, id, results[i].Detail))
			}
		}
	}
	for _, d := range s.declared {
		guards := slices.ContainsFunc(results, func(r Result) bool {
			by, ok := s.lacking(r.Case.Needs)
			return r.Verdict == d.Verdict && ok && by.Capability == d.Capability
		})
		if complete && !guards {
			wrong = append(wrong, fmt.Sprintf("%v is declared %v, but that keeps no case from being run", d.Capability, d.Verdict))
		}
	}
	slices.Sort(wrong)
	var out []Result
	for i, text := range wrong {
		out = append(out, Result{
			Case:    Case{ID: fmt.Sprintf("options/%d", i+1), Doc: "Every option is true of this file system.", Level: Errors},
			Verdict: Failed,
			Detail:  text,
		})
	}
	return out
}
