package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestChronicle: what must not be is found, and what may be is not.
func TestChronicle(t *testing.T) {
	s := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	put := func(value string, sent, ended float64, what outcome) writing {
		return writing{value: value, sent: s(sent), ended: s(ended), outcome: what}
	}
	on := func(w writing, base string) writing { w.base = &base; return w }
	as := func(w writing, token string) writing { w.token = token; return w }
	told := func(w writing, code int) writing { w.code = code; return w }
	shows := func(value string, sent, ended float64) look { return look{value, s(sent), s(ended), "GET"} }
	locked := func(path, token string, from, until float64) *holding {
		return &holding{path: path, token: token, from: s(from), until: s(until)}
	}
	for _, test := range []struct {
		name     string
		writings []writing
		looks    []look
		holdings []*holding
		wrong    string // kinds
		late     int
	}{
		{name: "the last", writings: []writing{put("a", 0, 1, isDone), put("b", 2, 3, isDone)}, looks: []look{shows("", 0, 0.5), shows("a", 1, 3), shows("b", 2.5, 4), shows("b", 5, 6)}},
		{name: "the one before the last", writings: []writing{put("a", 0, 1, isDone), put("b", 2, 3, isDone)}, looks: []look{shows("a", 4, 5)}, wrong: "falsely reported"},
		{name: "at the same time", writings: []writing{put("a", 0, 3, isDone), put("b", 1, 2, isDone)}, looks: []look{shows("a", 4, 5)}},
		{name: "to and fro", writings: []writing{put("a", 0, 3, isDone), put("b", 1, 3, isDone)}, looks: []look{shows("a", 4, 5), shows("b", 6, 7)}, wrong: "falsely reported"},
		{name: "and again, before the answers", writings: []writing{put("a", 0, 9, isDone), put("b", 0, 9, isDone)}, looks: []look{shows("a", 1, 2), shows("b", 3, 4), shows("a", 5, 6)}},
		{name: "and again, before its answer", writings: []writing{put("a", 0, 9, isDone), put("b", 0, 4, isDone)}, looks: []look{shows("a", 1, 2), shows("b", 5, 6), shows("a", 7, 8)}},
		{name: "and again, after its answer", writings: []writing{put("a", 0, 3, isDone), put("b", 0, 4, isDone)}, looks: []look{shows("a", 1, 2), shows("b", 5, 6), shows("a", 7, 8)}, wrong: "falsely reported"},
		{name: "before, at another gateway", writings: []writing{put("a", 1, 9, isDone)}, looks: []look{shows("a", 2, 3), shows("", 4, 5)}},
		{name: "before, for too long", writings: []writing{put("a", 1, 2, isUnknown)}, looks: []look{shows("a", 2, 3), shows("", 40, 41)}, wrong: "falsely reported"},
		{name: "gone", writings: []writing{put("a", 0, 1, isDone)}, looks: []look{shows("", 2, 3)}, wrong: "falsely reported"},
		{name: "removed", writings: []writing{put("a", 0, 1, isDone), put("", 2, 3, isDone)}, looks: []look{shows("", 4, 5)}},
		{name: "perhaps removed", writings: []writing{put("a", 0, 1, isDone), put("", 2, 3, isUnknown)}, looks: []look{shows("a", 4, 5), shows("", 6, 7)}},
		{name: "removed, and there", writings: []writing{put("a", 0, 1, isDone), put("", 2, 3, isDone)}, looks: []look{shows("a", 4, 5)}, wrong: "falsely reported"},
		{name: "refused", writings: []writing{put("a", 0, 1, isRefused)}, looks: []look{shows("a", 2, 3)}, wrong: "falsely reported"},
		{name: "of nobody", looks: []look{shows("a", 2, 3)}, wrong: "falsely reported"},
		{name: "too soon", writings: []writing{put("a", 2, 3, isDone)}, looks: []look{shows("a", 0, 1)}, wrong: "falsely reported"},
		{name: "later, without an answer", writings: []writing{put("a", 0, 1, isUnknown), put("b", 2, 3, isDone)}, looks: []look{shows("b", 4, 5), shows("a", 6, 7)}, late: 1},
		{name: "without an answer, seen, replaced, and there", writings: []writing{put("a", 0, 1, isUnknown), put("b", 4, 5, isDone)}, looks: []look{shows("a", 2, 3), shows("a", 6, 7)}, wrong: "falsely reported", late: 1},
		{name: "one by one", writings: []writing{on(put("a", 0, 1, isDone), ""), on(put("b", 2, 3, isDone), "a"), on(put("c", 4, 5, isDone), "b")}},
		{name: "both on one", writings: []writing{put("a", 0, 1, isDone), on(put("b", 2, 4, isDone), "a"), on(put("c", 3, 5, isDone), "a")}, wrong: "lost"},
		{name: "both on one, one seen", writings: []writing{put("a", 0, 1, isDone), on(put("b", 2, 4, isUnknown), "a"), on(put("c", 3, 5, isDone), "a")}, looks: []look{shows("b", 6, 7)}, wrong: "lost"},
		{name: "both on one, one perhaps", writings: []writing{put("a", 0, 1, isDone), on(put("b", 2, 4, isUnknown), "a"), on(put("c", 3, 5, isDone), "a")}},
		{name: "on what is gone", writings: []writing{put("a", 0, 1, isDone), put("b", 2, 3, isDone), on(put("c", 4, 5, isDone), "a")}, wrong: "lost"},
		{name: "made twice", writings: []writing{on(put("a", 0, 2, isDone), ""), on(put("b", 1, 3, isDone), "")}, wrong: "lost"},
		{name: "made, removed, made", writings: []writing{on(put("a", 0, 2, isDone), ""), put("", 3, 4, isDone), on(put("b", 5, 6, isDone), "")}},
		{name: "refused though it is there", writings: []writing{put("a", 0, 1, isDone), told(on(put("b", 2, 3, isRefused), "a"), 412)}, wrong: "falsely reported"},
		{name: "refused, perhaps rightly", writings: []writing{put("a", 0, 1, isDone), put("x", 0, 1, isUnknown), told(on(put("b", 2, 3, isRefused), "a"), 412)}},
		{name: "refused rightly", writings: []writing{put("a", 0, 1, isDone), put("x", 1.5, 2.5, isDone), told(on(put("b", 2, 3, isRefused), "a"), 412)}},
		{name: "locked", writings: []writing{put("a", 0, 1, isDone), as(put("b", 3, 4, isDone), "t"), put("c", 7, 8, isDone)}, looks: []look{shows("a", 2, 3), shows("b", 4.5, 5)}, holdings: []*holding{locked("/d/f", "t", 2, 6)}},
		{name: "written by another", writings: []writing{put("b", 3, 4, isDone)}, holdings: []*holding{locked("/d/f", "t", 2, 6)}, wrong: "changed while locked"},
		{name: "written by another in a locked folder", writings: []writing{as(put("b", 3, 4, isDone), "u")}, holdings: []*holding{locked("/d", "t", 2, 6)}, wrong: "changed while locked"},
		{name: "changed late by another", writings: []writing{put("a", 0, 1, isDone), put("b", 0, 1, isUnknown)}, looks: []look{shows("a", 3, 4), shows("b", 4, 5)}, holdings: []*holding{locked("/d/f", "t", 2, 6)}, wrong: "changed while locked"},
		{name: "lost to another", writings: []writing{put("b", 0, 1, isUnknown), as(put("a", 2, 3, isDone), "t")}, looks: []look{shows("b", 4, 5)}, holdings: []*holding{locked("/d/f", "t", 2, 6)}, wrong: "changed while locked", late: 1},
		{name: "two have it", holdings: []*holding{locked("/d/f", "t", 2, 6), locked("/d/f", "u", 5, 7)}, wrong: "double holders"},
		{name: "two have it, by the folder", holdings: []*holding{locked("/d/f", "t", 2, 6), locked("/d", "u", 5, 7)}, wrong: "double holders"},
		{name: "one after the other", holdings: []*holding{locked("/d/f", "t", 2, 5), locked("/d/f", "u", 5, 7), locked("/d/g", "u", 5, 7)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newChronicle(nil)
			c.files["/d/f"] = &history{name: "/d/f", writings: test.writings, looks: test.looks}
			c.holdings = test.holdings
			c.judge()
			if got := strings.Join(slices.Sorted(maps.Keys(c.wrong)), ", "); got != test.wrong {
				t.Errorf("found %q, want %q\n%s", got, test.wrong, c.report(9))
			}
			if got := c.counts["overtaken by a request without an answer"]; got != test.late {
				t.Errorf("%d overtaken, want %d", got, test.late)
			}
		})
	}
}
