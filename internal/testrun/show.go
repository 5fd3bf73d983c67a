package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// silence is how long nothing ends before the running tests are named.
const silence = 20 * time.Second

// event is one line of go test -json, see `go doc test2json`.
type event struct {
	Time    time.Time
	Action  string
	Package string
	Test    string
	Elapsed float64 // seconds
	Output  string
}

// test is a test, or with an empty name a package.
type test struct{ pkg, name string }

// view is what is known of a run.
type view struct {
	w       io.Writer
	started map[test]time.Time
	output  map[test]*strings.Builder
	quiet   time.Time // since when nothing was written, zero until the next tick
}

func newView(w io.Writer) *view {
	return &view{w: w, started: map[test]time.Time{}, output: map[test]*strings.Builder{}}
}

// show reads the events of a run to their end and writes how far it is. It
// looks at each tick whether it was silent for too long.
func show(events io.Reader, w io.Writer, tick <-chan time.Time) error {
	v := newView(w)
	lines, failed := make(chan []byte), make(chan error, 1)
	go func() {
		defer close(lines)
		r := bufio.NewReader(events)
		for {
			line, err := r.ReadBytes('\n')
			if len(line) > 0 {
				lines <- line
			}
			if err != nil {
				if err != io.EOF {
					failed <- err
				}
				return
			}
		}
	}()
	for {
		select {
		case line, more := <-lines:
			if !more {
				select {
				case err := <-failed:
					return err
				default:
					return nil
				}
			}
			var e event
			if json.Unmarshal(line, &e) != nil { // what go says outside of any test
				v.printf("%s", line)
				continue
			}
			v.take(e)
		case now := <-tick:
			v.pulse(now)
		}
	}
}

func (v *view) printf(format string, args ...any) {
	fmt.Fprintf(v.w, format, args...)
	v.quiet = time.Time{}
}

// take brings the view up to date with one event. The output of a test is kept
// until it is known how it ended.
func (v *view) take(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		v.printf("%s", e.Output)
	case "run", "cont":
		v.started[t] = e.Time
	case "pause":
		delete(v.started, t)
	case "output":
		if v.output[t] == nil {
			v.output[t] = &strings.Builder{}
		}
		v.output[t].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Action == "fail" {
			v.failed(t)
		}
		if t.name == "" && e.Action != "skip" { // skipped is a package without tests
			v.printf("%s\t%s\t%.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
		}
		delete(v.output, t)
		delete(v.started, t)
	}
}

// failed writes what a test wrote. With a package that is also what those of
// its tests wrote that have not ended, because the process did.
func (v *view) failed(t test) {
	for other := range v.output {
		if t.name == "" && other.pkg == t.pkg && other != t {
			v.printf("%s", v.output[other])
			delete(v.output, other)
			delete(v.started, other)
		}
	}
	if v.output[t] != nil {
		v.printf("%s", v.output[t])
	}
}

// pulse names what is running, if nothing has been written for a while.
func (v *view) pulse(now time.Time) {
	if v.quiet.IsZero() {
		v.quiet = now
	}
	if now.Sub(v.quiet) < silence {
		return
	}
	var running []test
	for t := range v.started {
		if !strings.Contains(t.name, "/") {
			running = append(running, t)
		}
	}
	slices.SortFunc(running, func(a, b test) int { return cmp.Compare(a.pkg+a.name, b.pkg+b.name) })
	line := "building"
	if len(running) > 0 {
		var names []string
		for _, t := range running {
			names = append(names, fmt.Sprintf("%s %s %.0fs", t.pkg[strings.LastIndex(t.pkg, "/")+1:], t.name, now.Sub(v.started[t]).Seconds()))
		}
		line = strings.Join(names, ", ")
	}
	v.printf("…\t%s\n", line)
}
