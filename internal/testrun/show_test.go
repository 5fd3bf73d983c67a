package main

import (
	"strings"
	"testing"
	"time"
)

// TestShow has a run with every kind of end: what passes is one line, of what
// fails all output is there, also of a test that the process did not end.
func TestShow(t *testing.T) {
	events := `
{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestGood"}
{"Action":"output","Package":"m/a","Test":"TestGood","Output":"chatter\n"}
{"Action":"pass","Package":"m/a","Test":"TestGood","Elapsed":1}
{"Action":"run","Package":"m/b","Test":"TestBad"}
{"Action":"run","Package":"m/b","Test":"TestBad/sub"}
{"Action":"output","Package":"m/b","Test":"TestBad/sub","Output":"why\n"}
{"Action":"fail","Package":"m/b","Test":"TestBad/sub","Elapsed":1}
{"Action":"fail","Package":"m/b","Test":"TestBad","Elapsed":1}
{"Action":"run","Package":"m/b","Test":"TestDies"}
{"Action":"output","Package":"m/b","Test":"TestDies","Output":"panic: so\n"}
{"Action":"output","Package":"m/b","Output":"FAIL\n"}
{"Action":"fail","Package":"m/b","Elapsed":2.5}
{"Action":"output","Package":"m/a","Output":"PASS\n"}
{"Action":"pass","Package":"m/a","Elapsed":1.25}
{"Action":"output","Package":"m/none","Output":"?   m/none [no test files]\n"}
{"Action":"skip","Package":"m/none","Elapsed":0}
{"Action":"build-output","ImportPath":"m/c","Output":"c.go:1: syntax error\n"}
{"Action":"fail","Package":"m/c","Elapsed":0,"FailedBuild":"m/c"}
not of a test
`
	var w strings.Builder
	if err := show(strings.NewReader(strings.TrimPrefix(events, "\n")), &w, nil); err != nil {
		t.Fatal(err)
	}
	const want = "why\npanic: so\nFAIL\nFAIL\tm/b\t2.5s\nok\tm/a\t1.2s\nc.go:1: syntax error\nFAIL\tm/c\t0.0s\nnot of a test\n"
	if w.String() != want {
		t.Errorf("it shows\n%s\nwant\n%s", w.String(), want)
	}
}

// TestPulse names the running tests after each silence, and not those that
// wait for their turn.
func TestPulse(t *testing.T) {
	var w strings.Builder
	v := newView(&w)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	v.pulse(at(0))
	v.pulse(at(20))
	v.take(event{Action: "run", Package: "m/b", Test: "TestB", Time: at(21)})
	v.take(event{Action: "run", Package: "m/a", Test: "TestWaits", Time: at(21)})
	v.take(event{Action: "pause", Package: "m/a", Test: "TestWaits", Time: at(21)})
	v.take(event{Action: "run", Package: "m/a", Test: "TestA", Time: at(22)})
	v.take(event{Action: "run", Package: "m/a", Test: "TestA/sub", Time: at(22)})
	for i := 21; i < 63; i++ {
		v.pulse(at(i))
	}
	const want = "…\tbuilding\n…\ta TestA 19s, b TestB 20s\n…\ta TestA 40s, b TestB 41s\n"
	if w.String() != want {
		t.Errorf("it shows\n%s\nwant\n%s", w.String(), want)
	}
}
