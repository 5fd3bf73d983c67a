package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// threeRounds is a row of two peers of which the other takes twice as much, but in
// a round in which the machine was busy for one of them.
func threeRounds() row {
	of := func(walls ...time.Duration) []cost {
		var all []cost
		for _, w := range walls {
			all = append(all, cost{wall: w * time.Millisecond, cpu: w * time.Microsecond, calls: int(w), peak: int64(w) << 20})
		}
		return all
	}
	return row{
		task:  task{name: "work", units: 10},
		costs: map[string][]cost{"davdisk": of(10, 20, 300), "other": of(20, 40, 30)},
		fails: map[string]string{},
	}
}

func TestRatiosAreOfRounds(t *testing.T) {
	r := threeRounds()
	if got, ok := r.ratio("other", "davdisk", wall); !ok || got != 2 {
		t.Errorf("the ratio is %v, %v, want 2", got, ok)
	}
	if got, ok := r.of("davdisk", wall); !ok || got != 0.02 {
		t.Errorf("the median is %v, %v, want 0.02", got, ok)
	}
	if _, ok := r.ratio("absent", "davdisk", wall); ok {
		t.Error("there is a ratio of a peer that was not measured")
	}
	r.fails["other"] = "answered 500"
	if _, ok := r.ratio("other", "davdisk", wall); ok {
		t.Error("there is a ratio of a peer that failed in one of its rounds")
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}} {
		if got := median(c.of); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.of, got, c.want)
		}
	}
}

func TestTables(t *testing.T) {
	slow := threeRounds()
	slow.task.name, slow.fails["other"] = "worse", "PUT is answered 500"
	p := part{name: "upstream", title: "Title", about: "About.", peers: []peer{{name: "davdisk", version: "1"}, {name: "other", version: "2", care: "sync"}}}
	for name, tables := range map[string]func(part, []row) string{"upstream": upstreamTables, "local": localTables, "growth": growthTable, "memory": memoryTable} {
		p.figures = tables
		text := result{part: p, rows: []row{threeRounds(), slow}, setting: setting{rounds: 3, missing: []string{"nginx is not installed"}}}.markdown("images/a.svg")
		for _, want := range []string{"## Title", "3 rounds", "| work |", "fails", `other fails at "worse": PUT is answered 500.`, "Left out: nginx is not installed.", "| other | 2 | sync |", "(images/a.svg)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
	}
	want := "| work | davdisk | other |\n|---|---:|---:|\n| work | 20 MiB | 30 MiB |\n"
	if got := memoryTable(p, []row{threeRounds()}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBendsAreMarked(t *testing.T) {
	step := func(name string, milliseconds time.Duration) row {
		return row{task: task{name: name}, costs: map[string][]cost{"davdisk": {{cpu: milliseconds * time.Millisecond}}}}
	}
	got := growthTable(part{peers: []peer{{name: "davdisk"}}}, []row{step("GET: small", 10), step("GET: larger", 14), step("GET: large", 21), step("PUT: small", 50)})
	for _, want := range []string{"| GET: larger | 14.0 ms |", "| GET: large | **21.0 ms** |", "| PUT: small | 50.0 ms |"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

func TestTextOfFigures(t *testing.T) {
	for want, got := range map[string]string{
		"1.50 s": secondsText(1.5), "150 ms": secondsText(0.15), "20.0 µs": secondsText(20e-6), "0.500 µs": secondsText(5e-7), "0.000 µs": secondsText(0),
		"999": thousands(999), "10,000": thousands(10_000), "1,000,007": thousands(1_000_007), "1 GiB": bytesText(1 << 30), "4 KiB": bytesText(small),
		"171": ratioText(171.4), "0.46": ratioText(0.456), "3.14": ratioText(3.1416),
		"1.22.1": versionIn("nginx version: nginx/1.22.1\n"), "1.60.1": versionIn("rclone v1.60.1-DEV\n- os/version: debian 12.0\n"), "unknown": versionIn("unknown\n"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestInsertKeepsTheRest(t *testing.T) {
	whole := func(name, text string) string { return begin(name) + text + end(name) }
	for _, c := range []struct{ document, want string }{
		{"", whole("local", "new\n")},
		{"# Title\n", "# Title\n\n" + whole("local", "new\n")},
		{"before\n" + whole("local", "old\n") + "after\n", "before\n" + whole("local", "new\n") + "after\n"},
	} {
		if got, err := insert(c.document, "local", "new\n"); err != nil || got != c.want {
			t.Errorf("%q became %q, %v, want %q", c.document, got, err, c.want)
		}
	}
	if _, err := insert(begin("local")+"old\n", "local", "new\n"); err == nil {
		t.Error("what has no end was cut off")
	}
}

func TestChart(t *testing.T) {
	slow := threeRounds()
	slow.fails["other"] = "it does"
	p := part{peers: []peer{{name: "davdisk"}, {name: "other"}}}
	svg, err := timeChart(p, []row{threeRounds(), slow})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "other", "work", "</svg>"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the chart lacks %q", want)
		}
	}
	if _, err := timeChart(part{peers: p.peers[:1]}, nil); err == nil {
		t.Error("there is a chart of nobody")
	}
}

// TestContentIsCompared has what a server may answer in place of a file.
func TestContentIsCompared(t *testing.T) {
	c := contentOf(3, 3<<20)
	whole, err := io.ReadAll(struct{ io.Reader }{c.reader()})
	if err != nil || int64(len(whole)) != c.size {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	var written strings.Builder
	if n, err := io.Copy(&written, c.reader()); n != c.size || err != nil || written.String() != string(whole) {
		t.Errorf("what is written differs from what is read: %d bytes, %v", n, err)
	}
	changed := string(whole[:2<<20]) + "x" + string(whole[2<<20+1:])
	for what, text := range map[string]string{"short": string(whole[:len(whole)-1]), "long": string(whole) + "x", "changed": changed, "empty": ""} {
		if c.compare(strings.NewReader(text)) == nil {
			t.Errorf("it is %s, and nobody sees it", what)
		}
	}
	if err := c.compare(strings.NewReader(string(whole))); err != nil {
		t.Error(err)
	}
	if err := c.section(1<<20, 100).compare(strings.NewReader(string(whole[1<<20 : 1<<20+100]))); err != nil {
		t.Error(err)
	}
	if contentOf(4, 100).compare(contentOf(5, 100).reader()) == nil {
		t.Error("two files hold the same")
	}
}

// TestListingIsCounted has answers that do not describe what they should.
func TestListingIsCounted(t *testing.T) {
	one := func(href, status string) string {
		return `<r:response><r:href>` + href + `</r:href><r:propstat><r:prop><r:getlastmodified>Mon, 02 Jan 2006 15:04:05 GMT</r:getlastmodified>` +
			`</r:prop><r:status>HTTP/1.1 ` + status + `</r:status></r:propstat></r:response>`
	}
	answer := func(responses ...string) listing {
		return listing(`<r:multistatus xmlns:r="DAV:">` + strings.Join(responses, "") + `</r:multistatus>`)
	}
	if err := answer(one("/d/", "200 OK"), one("/d/a", "200 OK")).holds(1); err != nil {
		t.Error(err)
	}
	for what, l := range map[string]listing{
		"short":       answer(one("/d/", "200 OK")),
		"repeated":    answer(one("/d/", "200 OK"), one("/d/", "200 OK")),
		"unreadable":  answer(one("/d/", "200 OK"), one("/d/a", "403 Forbidden")),
		"cut":         answer(one("/d/", "200 OK"), one("/d/a", "200 OK"))[:300],
		"no document": listing("<html>"),
	} {
		if l.holds(1) == nil {
			t.Errorf("it is %s, and nobody sees it", what)
		}
	}
}

func TestParallelEndsAtAFailure(t *testing.T) {
	err := parallel(t.Context(), 2, 100, func(_ context.Context, i int) error {
		if i == 3 {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	if err != io.ErrUnexpectedEOF { //nolint:errorlint // the same
		t.Errorf("got %v", err)
	}
}
