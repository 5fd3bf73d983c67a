package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Verdict is the outcome of a case in one word.
type Verdict int

const (
	Passed   Verdict = iota + 1
	Failed           // something is not as it must be
	Panicked         // the file system panicked
	Hung             // the deadline passed
	Blocked          // the case could not be set up, so nothing is known
	Refused          // not run: it needs what is declared refused
	Ignored          // not run: it needs what is declared ignored
	WasKnown         // failed, as declared by Known
	Cured            // passed, though declared by Known: the declaration must go
	Crashing         // not run: it is declared to end the process
	Skipped          // not run: does not apply here
)

func verdictNames() []string {
	return []string{"", "passed", "failed", "panicked", "hung", "blocked", "refused", "ignored", "known", "cured", "crashing", "skipped"}
}

// String returns the verdict in one lower-case word.
func (v Verdict) String() string {
	if names := verdictNames(); v > 0 && int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("verdict(%d)", int(v))
}

// MarshalText implements encoding.TextMarshaler with that word, for JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Bad reports whether the verdict fails the run.
func (v Verdict) Bad() bool {
	switch v {
	case Failed, Panicked, Hung, Blocked, Cured:
		return true
	}
	return false
}

// A Result is the outcome of one case.
type Result struct {
	Case    Case          `json:"case"`
	Verdict Verdict       `json:"verdict"`
	Detail  string        `json:"detail,omitempty"` // what was seen and what was wanted, or why it was not run
	Repro   string        `json:"repro,omitempty"`  // of the random part: a Go test that shows it
	Took    time.Duration `json:"took"`             // nanoseconds
}

// A Report holds the results of a run in the order of the catalog.
type Report struct {
	Results  []Result      `json:"results"`
	Declared []Declaration `json:"declared,omitempty"`
	Within   []Limits      `json:"within,omitempty"`
	Seed     uint64        `json:"seed"` // of the random part
	Took     time.Duration `json:"took"` // nanoseconds, for the whole run
}

// Err returns nil if nothing failed, and otherwise all failures joined.
func (r Report) Err() error {
	var errs []error
	for _, res := range r.Results {
		if res.Verdict.Bad() {
			errs = append(errs, fmt.Errorf("%s: %v: %s", res.Case.ID, res.Verdict, res.Detail))
		}
	}
	return errors.Join(errs...)
}

// Count returns how many cases have one of the verdicts.
func (r Report) Count(verdicts ...Verdict) int {
	n := 0
	for _, res := range r.Results {
		for _, v := range verdicts {
			if res.Verdict == v {
				n++
			}
		}
	}
	return n
}

// WriteTo writes the report as text: a line for each group of cases, then the
// causes of several failures, then each failure, then what is declared, known and cured. It implements io.WriterTo.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	r.writeGroups(&b)
	r.writeCauses(&b)
	r.writeFailures(&b)
	r.writeDeclared(&b)
	r.writeExcused(&b)
	return b.WriteTo(w)
}

func (r Report) writeGroups(b *bytes.Buffer) {
	var order []string
	groups := map[string]Report{}
	for _, res := range r.Results {
		name := res.Case.Group()
		if _, ok := groups[name]; !ok {
			order = append(order, name)
		}
		g := groups[name]
		g.Results = append(g.Results, res)
		groups[name] = g
	}
	line := func(name string, g Report) {
		fmt.Fprintf(b, "%-14s %6d %6d %6d %8d %6d %8d\n", name, len(g.Results), g.Count(Passed),
			g.Count(Failed, Panicked, Hung, Cured), g.Count(Blocked), g.Count(WasKnown, Crashing), g.Count(Refused, Ignored, Skipped))
	}
	fmt.Fprintf(b, "%-14s %6s %6s %6s %8s %6s %8s\n", "group", "cases", "pass", "fail", "blocked", "known", "not run")
	for _, name := range order {
		line(name, groups[name])
	}
	line("total", r)
}

func (r Report) writeFailures(b *bytes.Buffer) {
	for _, res := range r.Results {
		if !res.Verdict.Bad() {
			continue
		}
		fmt.Fprintf(b, "\n%s %s (%v)\n    must:  %s\n    found: %s\n", strings.ToUpper(res.Verdict.String()),
			res.Case.ID, res.Case.Level, res.Case.Doc, indent(res.Detail))
		if res.Repro != "" {
			fmt.Fprintf(b, "    test:  %s\n", indent(res.Repro))
		}
	}
}

// place is the line of a case that found a failure, which is not its cause.
var place = regexp.MustCompile(`\b\w+\.go:\d+: `)

// writeCauses lists what several cases failed with in the same words, most
// first: one cause of many failures is seen at a glance.
func (r Report) writeCauses(b *bytes.Buffer) {
	cases := map[string][]string{}
	for _, res := range r.Results {
		if res.Verdict.Bad() {
			first, _, _ := strings.Cut(place.ReplaceAllString(res.Detail, ""), "\n")
			cases[first] = append(cases[first], res.Case.ID)
		}
	}
	causes := slices.DeleteFunc(slices.Sorted(maps.Keys(cases)), func(cause string) bool { return len(cases[cause]) == 1 })
	slices.SortStableFunc(causes, func(a, b string) int { return len(cases[b]) - len(cases[a]) })
	for _, cause := range causes {
		fmt.Fprintf(b, "\n%d times: %s\n    %s\n", len(cases[cause]), cause, strings.Join(cases[cause], ", "))
	}
}

func (r Report) writeDeclared(b *bytes.Buffer) {
	if len(r.Declared)+len(r.Within) > 0 {
		fmt.Fprintf(b, "\ndeclared\n")
	}
	for _, d := range r.Declared {
		fmt.Fprintf(b, "    %v %v: %s\n", d.Verdict, d.Capability, d.Why)
	}
	for _, l := range r.Within {
		fmt.Fprintf(b, "    %v: %s\n", l, l.Why)
	}
}

func (r Report) writeExcused(b *bytes.Buffer) {
	if r.Count(WasKnown, Crashing) > 0 {
		fmt.Fprintf(b, "\nknown to fail\n")
	}
	for _, res := range r.Results {
		if res.Verdict == WasKnown || res.Verdict == Crashing {
			fmt.Fprintf(b, "    %s: %s\n", res.Case.ID, indent(res.Detail))
		}
	}
}

// indent keeps the later lines of a text below its first one.
func indent(s string) string {
	return strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n           ")
}
