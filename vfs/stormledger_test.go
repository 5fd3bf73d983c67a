package vfs_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
)

// Contents of files tell by themselves whether they are whole.

// whole makes a content of its own for each number, of up to some hundred bytes.
func whole(number uint64) string {
	text := fmt.Sprintf("%d%s", number, strings.Repeat(fmt.Sprintf(",%x", number), int(number%40)))
	return fmt.Sprintf("%x %s", sha256.Sum256([]byte(text)), text)
}

// isWhole reports whether this is one of those contents, and all of it.
func isWhole(content string) bool {
	sum, text, _ := strings.Cut(content, " ")
	return sum == fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// What can be seen under a name, beside the content of a file.
const (
	absent = "<absent>"
	folder = "<folder>"
)

// A ledger knows what may be seen under names that have an owner each, who says
// what he is about to do and what has come of it. Whoever looks at such a name
// sees something that may have been there at some moment while he looked.
type ledger struct {
	mu    sync.Mutex // guards the fields below
	time  int
	names map[string][]sighting
}

// sighting is something that may be seen from one time to another.
type sighting struct {
	what     string
	from, to int
}

func newLedger() *ledger { return &ledger{names: map[string][]sighting{}} }

// may says what may be seen under a name from now on, beside what may be now.
func (l *ledger) may(name string, what ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.time++
	for _, w := range what {
		l.names[name] = append(l.names[name], sighting{w, l.time, math.MaxInt})
	}
}

// is says that nothing else may be seen from now on.
func (l *ledger) is(name, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.time++
	for i, s := range l.names[name] {
		if s.to == math.MaxInt {
			l.names[name][i].to = l.time
		}
	}
	l.names[name] = append(l.names[name], sighting{what, l.time, math.MaxInt})
}

// now returns the time, which those who look ask for before they do.
func (l *ledger) now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.time
}

// known returns all names.
func (l *ledger) known() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.names))
}

// wrong returns why what was seen under a name cannot have been seen by somebody
// who has been looking since a time, or "". Any content will do for file.
func (l *ledger) wrong(name, saw string, since int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	could, ok := l.could(name, saw, since)
	if ok {
		return ""
	}
	return fmt.Sprintf("%s: %q was seen, and there was only %q", name, saw, could)
}

// wrongIn is like wrong, for what was read through a handle. That follows a file
// that is renamed, to any name of the same owner, and shows what is written to
// it there.
func (l *ledger) wrongIn(owner, name, saw string, since int) string {
	wrong := l.wrong(name, saw, since)
	l.mu.Lock()
	defer l.mu.Unlock()
	for other := range l.names {
		if strings.HasPrefix(other, owner) && saw != absent && saw != folder {
			if _, ok := l.could(other, saw, since); ok {
				return ""
			}
		}
	}
	return wrong
}

// could returns what may have been seen since a time, and whether this is among
// it. The caller holds l.mu.
func (l *ledger) could(name, saw string, since int) (could []string, ok bool) {
	for _, s := range l.names[name] {
		if s.to < since {
			continue
		}
		if s.what == saw || saw == file && s.what != absent && s.what != folder {
			return nil, true
		}
		could = append(could, s.what)
	}
	return could, false
}

// file is what is seen of a file by those who do not read it.
const file = "<file>"
