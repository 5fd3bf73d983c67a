package e2e

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// What became of a request that changes something.
type outcome int

const (
	isRefused outcome = iota // it has changed nothing
	isDone                   // it was acknowledged
	isUnknown                // nobody was told: it may have its effect at any time from its beginning
)

const forever = time.Duration(math.MaxInt64)

// A writing is an attempt to give a file a content that no other attempt has.
// Times are those of the test.
type writing struct {
	value       string // "" is no file
	sent, ended time.Duration
	outcome     outcome
	code        int
	token       string  // of the lock that it was made under
	base        *string // the content that the request named as the one to be replaced
	by          int
}

// A look is what a request has shown.
type look struct {
	value       string
	sent, ended time.Duration
	how         string
}

// A holding is the time in which a client certainly has a lock: from the answer to
// LOCK until it gives it back, or until its time has passed since it was sent.
type holding struct {
	path        string // covers everything below it
	token       string
	from, until time.Duration
	by          int
}

func (h *holding) covers(name string) bool { return within(name, h.path) }

// A history is what was done to one file, and what it has shown.
type history struct {
	name     string
	writings []writing
	looks    []look
}

// A chronicle is what all clients know together. What it finds wrong is said by
// kind: what each of the kinds is, its checks say.
type chronicle struct {
	now func() time.Duration

	mu       sync.Mutex // guards what follows
	files    map[string]*history
	holdings []*holding
	tags     map[string]string // content by entity tag and file
	wrong    map[string][]string
	counts   map[string]int
}

func newChronicle(now func() time.Duration) *chronicle {
	return &chronicle{now: now, files: map[string]*history{}, tags: map[string]string{}, wrong: map[string][]string{}, counts: map[string]int{}}
}

// names returns those of all files that a client has changed.
func (c *chronicle) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.files))
}

func (c *chronicle) of(name string) *history {
	if c.files[name] == nil {
		c.files[name] = &history{name: name}
	}
	return c.files[name]
}

func (c *chronicle) wrote(name string, w writing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.of(name)
	h.writings = append(h.writings, w)
}

func (c *chronicle) saw(name string, l look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.of(name)
	h.looks = append(h.looks, l)
}

func (c *chronicle) holds(h *holding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holdings = append(c.holdings, h)
}

// lasts changes when a holding ends.
func (c *chronicle) lasts(h *holding, until time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h.until = until
}

// tagged notes that a content has an entity tag, or finds that another one has.
func (c *chronicle) tagged(name, tag, value string) {
	if tag == "" || value == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if is, ok := c.tags[name+tag]; ok && is != value {
		c.blame("one tag for two contents", "%s with %s is %s and %s", name, tag, is, value)
	}
	c.tags[name+tag] = value
}

func (c *chronicle) byTag(name, tag string) (value string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok = c.tags[name+tag]
	return value, ok
}

func (c *chronicle) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

func (c *chronicle) fault(kind, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blame(kind, format, args...)
}

// blame is fault; mu is held.
func (c *chronicle) blame(kind, format string, args ...any) {
	c.wrong[kind] = append(c.wrong[kind], fmt.Sprintf(format, args...))
}

// report returns what is wrong, at most so much of each kind.
func (c *chronicle) report(most int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(c.wrong)) {
		all := c.wrong[kind]
		fmt.Fprintf(&out, "%s: %d\n\t%s\n", kind, len(all), strings.Join(all[:min(most, len(all))], "\n\t"))
	}
	return out.String()
}
