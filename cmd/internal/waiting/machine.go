package waiting

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

// Errors of a Table; test for them with errors.Is.
var (
	// ErrOtherMode means that the gateways of the cluster keep uploads back and
	// this one does not, or the other way round.
	ErrOtherMode = errors.New("the gateways of this cluster keep uploads back where this one does not, or the other way round")
	// ErrRuns means that a gateway is a member, with all that waits there: that is
	// not given up.
	ErrRuns = errors.New("that gateway runs")
	// ErrNothing means that nothing waits at a gateway.
	ErrNothing = errors.New("nothing waits at a gateway of that name")
)

// An Owner is a gateway with one folder for what waits. A gateway that has got
// another one does not have what waits in the first.
type Owner struct {
	Gateway string `json:"gateway"`
	Queue   string `json:"queue,omitempty"` // which folder; empty: none that is known
}

// A File waits at a gateway.
type File struct {
	vfs.Waiting
	Owner   Owner  `json:"owner"`
	Number  uint64 `json:"number"` // of its announcement
	GivenUp bool   `json:"given_up,omitempty"`
	Unsure  bool   `json:"unsure,omitempty"` // its gateway does not have it, and cannot find out whether it is stored
}

// change is an entry of the log.
type change struct {
	Op      string      `json:"op"`
	On      bool        `json:"on,omitempty"`    // opMode
	Owner   Owner       `json:"owner,omitzero"`  // opForget has the gateway alone
	Epoch   uint64      `json:"epoch,omitempty"` // opHere, opWait, opTell
	Files   []announced `json:"files,omitempty"` // opWait, one; opTell
	Stored  []numbered  `json:"stored,omitempty"`
	Lost    []numbered  `json:"lost,omitempty"`
	Unsure  []numbered  `json:"unsure,omitempty"`
	Over    []numbered  `json:"over,omitempty"`
	Names   []string    `json:"names,omitempty"` // opAsk
	Held    *File       `json:"held,omitempty"`
	Counted uint64      `json:"counted,omitempty"`
}

// announced is a file that waits. Was is the number of the announcement that this one
// replaces, 0 for none: if there is another one by then, this one is void. In opWait it
// does not count.
type announced struct {
	vfs.Waiting
	Was uint64 `json:"was,omitempty"`
}

// numbered is one announcement of a name. What is said of it is void when the name was
// announced again.
type numbered struct {
	Name   string `json:"name"`
	Number uint64 `json:"number"`
}

const (
	opMode   = "mode"   // whether the gateways keep uploads back, for the life of the log
	opHere   = "here"   // a gateway with a queue is a member
	opWait   = "wait"   // a file waits; refused if it does elsewhere
	opTell   = "tell"   // what a gateway has found: files that wait, are stored, or not there
	opAsk    = "ask"    // for files to be stored now
	opForget = "forget" // what waits at a gateway is given up
	opOver   = "over"   // what was given up can be stored no more
	opHeld   = "held"   // a file that waits, in a snapshot
	opCount  = "count"  // of announcements, in a snapshot
)

// state is what all gateways know alike.
type state struct {
	decided, on bool                // opMode
	here        map[string]presence // of gateways that are members
	files       map[string]*file    // that wait, by name
	count       uint64              // of announcements
}

// presence is a membership with a queue.
type presence struct {
	queue string
	epoch uint64
}

// file is a File, and what is not a part of the state.
type file struct {
	File
	asked time.Time // when somebody asked for it last
	given time.Time // when it was given up, as seen from here
}

// runs reports whether the gateway of a file is a member, with the folder that has it.
func (s *state) runs(o Owner) bool {
	here, ok := s.here[o.Gateway]
	return ok && here.queue == o.Queue
}

// numbered returns an announcement, if it is the last one of its name.
func (s *state) numbered(n numbered) *file {
	if f := s.files[n.Name]; f != nil && f.Number == n.Number {
		return f
	}
	return nil
}

// inherits reports whether a gateway may announce a file in place of another folder of
// its own, which it does not run with: both have the same content.
func (f *file) inherits(by Owner, w vfs.Waiting) bool {
	return !f.GivenUp && f.Owner.Gateway == by.Gateway && f.Version == w.Version && f.SHA256 == w.SHA256
}

// machine is the Table as its log sees it.
type machine struct{ *Table }

// told is a name of which others than this gateway have changed what is to be shown,
// and the version that the store has if it was stored.
type told struct{ name, version string }

// Apply implements journal.Machine. It uses the clock for nothing that is a part
// of the state.
func (m machine) Apply(c change) error {
	changed, err := m.apply(c)
	for _, c := range changed {
		m.o.Learn(c.name, c.version)
	}
	return err
}

func (m machine) apply(c change) (changed []told, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.notify()
	switch {
	case c.Op == opMode:
		if m.state.decided && m.state.on != c.On {
			return nil, ErrOtherMode
		}
		m.state.decided, m.state.on = true, c.On
	case c.Op == opHere && c.Owner.Queue != "":
		if here, ok := m.state.here[c.Owner.Gateway]; c.Epoch >= here.epoch {
			if ok && here.queue != c.Owner.Queue {
				m.away[c.Owner.Gateway] = m.o.Now()
			}
			m.state.here[c.Owner.Gateway] = presence{c.Owner.Queue, c.Epoch}
		}
	case c.Op == opWait && len(c.Files) == 1:
		return m.wait(c)
	case c.Op == opTell:
		return m.tell(c)
	case c.Op == opAsk:
		for _, name := range c.Names {
			if f := m.state.files[name]; f != nil {
				f.asked = m.o.Now()
				m.ask(f)
			}
		}
	case c.Op == opForget:
		return m.giveUp(c.Owner.Gateway)
	case c.Op == opOver:
		for _, n := range c.Over {
			if f := m.state.numbered(n); f != nil && f.GivenUp && !m.state.runs(f.Owner) {
				delete(m.state.files, n.Name)
			}
		}
	case c.Op == opHeld && c.Held != nil:
		m.state.files[c.Held.Name] = &file{File: *c.Held}
	case c.Op == opCount:
		m.state.count = c.Counted
	default:
		return nil, fmt.Errorf("%w: change %q", journal.ErrEntry, c.Op)
	}
	return changed, nil
}

// isHere refuses what a gateway says in a membership that has ended: others may have
// had the names since.
func (m machine) isHere(c change) error {
	if here := m.state.here[c.Owner.Gateway]; c.Epoch == 0 || here != (presence{c.Owner.Queue, c.Epoch}) {
		return cluster.ErrExpelled
	}
	return nil
}

// wait applies opWait.
func (m machine) wait(c change) ([]told, error) {
	if err := m.isHere(c); err != nil {
		return nil, err
	}
	w := c.Files[0].Waiting
	old := m.state.files[w.Name]
	switch {
	case old == nil && len(m.state.files) >= maxFiles:
		return nil, vfs.ErrFull
	case old != nil && old.Owner != c.Owner && !old.inherits(c.Owner, w):
		return nil, vfs.ErrWaits
	}
	return m.announce(c.Owner, w), nil
}

// tell applies opTell.
func (m machine) tell(c change) (changed []told, err error) {
	if err := m.isHere(c); err != nil {
		return nil, err
	}
	for _, a := range c.Files {
		old, was := m.state.files[a.Name], uint64(0)
		if old != nil {
			was = old.Number
		}
		switch {
		case was != a.Was, old == nil && len(m.state.files) >= maxFiles:
		case old != nil && old.Owner != c.Owner && !old.inherits(c.Owner, a.Waiting):
		default:
			changed = append(changed, m.announce(c.Owner, a.Waiting)...)
		}
	}
	for _, n := range c.Stored {
		if f := m.state.numbered(n); f != nil && f.Owner.Gateway == c.Owner.Gateway {
			delete(m.state.files, n.Name)
			if f.Owner != m.self {
				changed = append(changed, told{n.Name, f.Version})
			}
		}
	}
	for _, n := range c.Lost {
		if f := m.state.numbered(n); f != nil && f.Owner == c.Owner {
			f.Owner.Queue = ""
			changed = append(changed, told{name: n.Name})
		}
	}
	for _, n := range c.Unsure {
		if f := m.state.numbered(n); f != nil && f.Owner == c.Owner {
			f.Unsure = true
		}
	}
	return changed, nil
}

// announce has a file wait. If it is one of this gateway, that looks whether it knows
// of it: the outcome of a proposal may have been unknown.
func (m machine) announce(owner Owner, w vfs.Waiting) []told {
	m.state.count++
	m.state.files[w.Name] = &file{File: File{Waiting: w, Owner: owner, Number: m.state.count}}
	if owner == m.self {
		m.soil(w.Name)
		return nil
	}
	return []told{{name: w.Name}}
}

// giveUp applies opForget.
func (m machine) giveUp(gateway string) (changed []told, err error) {
	err = ErrNothing
	for _, f := range m.sorted() {
		switch {
		case f.Owner.Gateway != gateway, m.state.runs(f.Owner) && !f.Unsure:
		default:
			if !f.GivenUp {
				f.given = m.o.Now()
			}
			if f.GivenUp, err = true, nil; f.Unsure {
				f.Owner.Queue = "" // that runs
			}
			changed = append(changed, told{name: f.Name})
		}
	}
	if err != nil && m.state.here[gateway] != (presence{}) {
		err = ErrRuns
	}
	m.Wake() // to count how long it may still be stored
	return changed, err
}

// sorted returns the files by name.
func (t *Table) sorted() []*file {
	return slices.SortedFunc(maps.Values(t.state.files), func(a, b *file) int { return cmp.Compare(a.Name, b.Name) })
}

// Expelled implements cluster.Expeller. What waits at that gateway goes on waiting.
func (m machine) Expelled(gateway string, epoch uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.notify()
	m.away[gateway] = m.o.Now()
	if m.state.here[gateway].epoch <= epoch {
		delete(m.state.here, gateway)
	}
}

// Snapshot implements journal.Machine.
func (m machine) Snapshot() iter.Seq[change] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []change
	if m.state.decided {
		all = append(all, change{Op: opMode, On: m.state.on})
	}
	for _, gateway := range slices.Sorted(maps.Keys(m.state.here)) {
		here := m.state.here[gateway]
		all = append(all, change{Op: opHere, Owner: Owner{gateway, here.queue}, Epoch: here.epoch})
	}
	if m.state.count > 0 {
		all = append(all, change{Op: opCount, Counted: m.state.count})
	}
	for _, f := range m.sorted() {
		held := f.File
		all = append(all, change{Op: opHeld, Held: &held})
	}
	return slices.Values(all)
}

// Reset implements cluster.Resetter. What is known then is compared with the queue
// again, and nothing answered before.
func (m machine) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.notify()
	m.state = state{here: map[string]presence{}, files: map[string]*file{}}
	m.away, m.began = map[string]time.Time{}, m.o.Now()
	m.self, m.ready, m.life = Owner{}, 0, m.life+1
	m.unsure, m.strange, m.removed = map[string]uint64{}, map[string]bool{}, map[string]string{}
	m.Wake()
}
