package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// judge judges everything that was noted. It is called once, at the end.
func (c *chronicle) judge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubleHolders()
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		h := c.files[name]
		for kind, said := range h.judge(c.holdings) {
			for _, what := range said {
				c.blame(kind, "%s: %s", name, what)
			}
		}
		c.counts["overtaken by a request without an answer"] += h.overtaken()
	}
}

// doubleHolders finds those who held locks of one file at the same time.
func (c *chronicle) doubleHolders() {
	slices.SortFunc(c.holdings, func(a, b *holding) int { return cmp.Compare(a.from, b.from) })
	for i, a := range c.holdings {
		for _, b := range c.holdings[i+1:] {
			if b.from >= a.until {
				break
			}
			if (a.covers(b.path) || b.covers(a.path)) && b.from < b.until {
				c.blame("double holders", "%s: %d from %v to %v (%s), %s: %d from %v to %v (%s)",
					a.path, a.by, a.from, a.until, a.token, b.path, b.by, b.from, b.until, b.token)
			}
		}
	}
}

// latest returns until when each writing has had its effect: its acknowledgement,
// or when its content was first seen.
func (h *history) latest() []time.Duration {
	seen := map[string]time.Duration{}
	for _, l := range h.looks {
		if was, ok := seen[l.value]; !ok || l.ended < was {
			seen[l.value] = l.ended
		}
	}
	ends := make([]time.Duration, len(h.writings))
	for i, w := range h.writings {
		ends[i] = forever
		if w.outcome == isDone {
			ends[i] = w.ended
		}
		if first, ok := seen[w.value]; ok && w.value != "" && w.outcome != isRefused {
			ends[i] = min(ends[i], first)
		}
	}
	return ends
}

// settling is by when all gateways show a content that one has shown and whose
// writing has got no answer: that is told when its gateway was expelled, or has
// found out.
const settling = 30 * time.Second

// settled returns from when on all gateways show each writing or a later one: its
// acknowledgement. Until then one may show it, and another what was there before.
func (h *history) settled(ends []time.Duration) []time.Duration {
	settled := slices.Clone(ends)
	for i, w := range h.writings {
		switch {
		case w.outcome == isDone:
			settled[i] = w.ended
		case settled[i] != forever:
			settled[i] += settling
		}
	}
	return settled
}

// judge returns what is wrong, by kind.
func (h *history) judge(holdings []*holding) map[string][]string {
	wrong := map[string][]string{}
	blame := func(kind, format string, args ...any) {
		wrong[kind] = append(wrong[kind], fmt.Sprintf(format, args...))
	}
	ends := h.latest()
	settled := h.settled(ends)
	for _, l := range h.looks {
		if why := h.lie(l, ends, settled); why != "" {
			blame("falsely reported", "%s showed %q at %v to %v, %s", l.how, l.value, l.sent, l.ended, why)
		}
	}
	for i, w := range h.writings {
		if w.base == nil {
			continue
		}
		switch {
		case ends[i] != forever:
			if why := h.overwrites(i, ends); why != "" {
				blame("lost", "%s", why)
			}
		case (w.code == 412 || w.code == 405) && !h.moved(*w.base, w, ends):
			blame("falsely reported", "%d was told at %v to %v that %q is not there any more", w.by, w.sent, w.ended, *w.base)
		}
	}
	for _, held := range holdings {
		if held.covers(h.name) {
			for _, why := range h.under(held) {
				blame("changed while locked", "%s", why)
			}
		}
	}
	return wrong
}

// lie returns why a look is not what it could have been, or "".
func (h *history) lie(l look, ends, settled []time.Duration) string {
	why := "which nobody wrote"
	if l.value == "" {
		why = h.replaced(-1, l, ends, settled)
	}
	for i, w := range h.writings {
		switch {
		case w.value != l.value || why == "":
		case w.outcome == isRefused:
			why = fmt.Sprintf("which was refused with %d at %v", w.code, w.ended)
		case w.sent > l.ended:
			why = "which came later"
		default:
			why = h.replaced(i, l, ends, settled)
		}
	}
	return why
}

// replaced returns what had certainly replaced a writing before a look, or "": a
// later writing, or whatever another look has shown once all gateways showed the
// writing: before that, it may be what the writing has replaced. The writing -1 is
// the state at the beginning.
func (h *history) replaced(i int, l look, ends, settled []time.Duration) string {
	end, everywhere := time.Duration(-1), time.Duration(-1)
	if i >= 0 {
		end, everywhere = ends[i], settled[i]
	}
	for j, w := range h.writings {
		if j != i && settled[j] < l.sent && w.sent > end {
			return fmt.Sprintf("which %d had replaced by %q at %v to %v (everywhere by %v)", w.by, w.value, w.sent, w.ended, settled[j])
		}
	}
	for _, other := range h.looks {
		if other.value != l.value && everywhere < other.sent && other.ended < l.sent && h.isSettled(other.value, l.sent, settled) {
			return fmt.Sprintf("which was everywhere by %v, and %s showed %q at %v to %v", everywhere, other.how, other.value, other.sent, other.ended)
		}
	}
	return ""
}

// isSettled reports whether all gateways showed a content, or a later one, at a time.
func (h *history) isSettled(value string, at time.Duration, settled []time.Duration) bool {
	for i, w := range h.writings {
		if w.value == value && w.outcome != isRefused {
			return settled[i] < at
		}
	}
	return true // nobody wrote it
}

// overwrites returns what a writing that has named what it replaces has replaced
// without naming it, or "".
func (h *history) overwrites(i int, ends []time.Duration) string {
	w := h.writings[i]
	end := time.Duration(-1)
	for j, x := range h.writings {
		switch {
		case x.value == *w.base && x.value == "" && x.outcome != isRefused:
			return "" // nothing is there more than once
		case x.value == *w.base:
			end = ends[j]
		}
	}
	for j, x := range h.writings {
		switch {
		case j == i || ends[j] == forever:
		case x.base != nil && *x.base == *w.base:
			return fmt.Sprintf("%d and %d have both replaced %q, by %q at %v to %v and %q at %v to %v", w.by, x.by, *w.base, w.value, w.sent, w.ended, x.value, x.sent, x.ended)
		case ends[j] < w.sent && x.sent > end:
			return fmt.Sprintf("%d has replaced %q by %q at %v to %v, where %q was since %v", w.by, *w.base, w.value, w.sent, w.ended, x.value, ends[j])
		}
	}
	return ""
}

// moved reports whether a content may have been replaced before a writing ended.
func (h *history) moved(value string, before writing, ends []time.Duration) bool {
	since := time.Duration(-1)
	for _, w := range h.writings {
		if w.value == value && value != "" {
			since = w.sent
		}
	}
	return slices.ContainsFunc(h.writings, func(w writing) bool {
		return w.outcome != isRefused && w.value != value && w.sent < before.ended && (w.outcome == isUnknown || w.ended > since)
	})
}

// under finds what has changed while somebody had a lock, and not by it.
func (h *history) under(held *holding) (why []string) {
	own, done := map[string]bool{}, forever
	for _, w := range h.writings {
		switch {
		case w.token == held.token && w.outcome != isRefused:
			own[w.value] = true
			if w.outcome == isDone && w.sent >= held.from {
				done = min(done, w.ended)
			}
		case w.token != held.token && w.outcome == isDone && w.sent >= held.from && w.ended <= held.until:
			why = append(why, fmt.Sprintf("%d wrote %q at %v to %v, and %d had it locked from %v to %v (%s)", w.by, w.value, w.sent, w.ended, held.by, held.from, held.until, held.token))
		}
	}
	var before *look
	for _, l := range h.looks {
		if l.sent < held.from || l.ended > held.until || own[l.value] {
			continue
		}
		switch {
		case l.sent > done:
			why = append(why, fmt.Sprintf("%s showed %q at %v to %v, and %d had it locked from %v to %v (%s) and written by %v", l.how, l.value, l.sent, l.ended, held.by, held.from, held.until, held.token, done))
		case before == nil:
			before = &l
		case before.value != l.value:
			why = append(why, fmt.Sprintf("it was %q at %v and %q at %v, and %d had it locked from %v to %v (%s)", before.value, before.sent, l.value, l.sent, held.by, held.from, held.until, held.token))
		}
	}
	return why
}

// overtaken counts what was acknowledged and then replaced by a request that was
// sent, and given up, before: nobody has lost what he was told, but he will wonder.
func (h *history) overtaken() (n int) {
	for _, u := range h.writings {
		if u.outcome != isUnknown || u.value == "" {
			continue
		}
		for _, l := range h.looks {
			if l.value == u.value && slices.ContainsFunc(h.writings, func(w writing) bool {
				return w.outcome == isDone && w.sent > u.ended && w.ended < l.sent
			}) {
				n++
				break
			}
		}
	}
	return n
}
