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
	// ErrRuns means that a gateway is a member: what waits there is not given up.
	ErrRuns = errors.New("that gateway runs")
	// ErrNothing means that nothing waits at a gateway.
	ErrNothing = errors.New("nothing waits at a gateway of that name")
)

// An Owner is a gateway with one folder for what waits. A gateway that has got
// another one does not have what waits in the first.
type Owner struct {
	Gateway string `json:"gateway"`
	Queue   string `json:"queue"` // which folder
}

// A File waits at a gateway.
type File struct {
	vfs.Waiting
	Owner   Owner  `json:"owner"`
	Number  uint64 `json:"number"` // of its announcement
	GivenUp bool   `json:"given_up,omitempty"`
}

// change is an entry of the log.
type change struct {
	Op      string       `json:"op"`
	On      bool         `json:"on,omitempty"`    // opMode
	Owner   Owner        `json:"owner,omitzero"`  // opHere and opForget have the gateway alone
	Epoch   uint64       `json:"epoch,omitempty"` // opHere, opWait
	File    *vfs.Waiting `json:"file,omitempty"`  // opWait
	Stored  []stored     `json:"stored,omitempty"`
	Names   []string     `json:"names,omitempty"` // opAsk
	Held    *File        `json:"held,omitempty"`
	Counted uint64       `json:"counted,omitempty"`
}

// stored is a file that waits no longer, unless it was announced again.
type stored struct {
	Name   string `json:"name"`
	Number uint64 `json:"number"`
}

const (
	opMode   = "mode"   // whether the gateways keep uploads back, for the life of the log
	opHere   = "here"   // a gateway with a queue is a member
	opWait   = "wait"   // a file waits; refused if it does elsewhere
	opStored = "stored" // files wait no longer
	opAsk    = "ask"    // for files to be stored now
	opForget = "forget" // what waits at a gateway is given up
	opHeld   = "held"   // a file that waits, in a snapshot
	opCount  = "count"  // of announcements, in a snapshot
)

// state is what all gateways know alike.
type state struct {
	decided, on bool              // opMode
	here        map[string]uint64 // the epochs of gateways that are members
	files       map[string]*file  // that wait, by name
	count       uint64            // of announcements
}

// file is a File, and what is not a part of the state.
type file struct {
	File
	asked time.Time // when somebody asked for it last
}

// machine is the Table as its log sees it.
type machine struct{ *Table }

// Apply implements journal.Machine. It uses the clock for nothing that is a part
// of the state.
func (m machine) Apply(c change) error {
	changed, err := m.apply(c)
	for _, name := range changed {
		m.o.Forget(name)
	}
	return err
}

// apply returns the names of which others than this gateway have changed what is to
// be shown.
func (m machine) apply(c change) (changed []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.notify()
	switch {
	case c.Op == opMode:
		if m.state.decided && m.state.on != c.On {
			return nil, ErrOtherMode
		}
		m.state.decided, m.state.on = true, c.On
	case c.Op == opHere:
		m.state.here[c.Owner.Gateway] = max(m.state.here[c.Owner.Gateway], c.Epoch)
	case c.Op == opWait && c.File != nil:
		return m.wait(c)
	case c.Op == opStored:
		for _, s := range c.Stored {
			if f := m.state.files[s.Name]; f != nil && f.Owner == c.Owner && f.Number == s.Number {
				delete(m.state.files, s.Name)
				changed = m.others(changed, f)
			}
		}
	case c.Op == opAsk:
		for _, name := range c.Names {
			if f := m.state.files[name]; f != nil {
				f.asked = m.o.Now()
				m.ask(f)
			}
		}
	case c.Op == opForget:
		if m.state.here[c.Owner.Gateway] != 0 {
			return nil, ErrRuns
		}
		for _, f := range m.sorted() {
			if f.Owner.Gateway == c.Owner.Gateway {
				f.GivenUp = true
				changed = append(changed, f.Name)
			}
		}
		if len(changed) == 0 {
			return nil, ErrNothing
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

// wait applies opWait.
func (m machine) wait(c change) (changed []string, err error) {
	if c.Epoch == 0 || m.state.here[c.Owner.Gateway] != c.Epoch {
		return nil, cluster.ErrExpelled // others may have had the name since
	}
	if f := m.state.files[c.File.Name]; f != nil && f.Owner != c.Owner && !f.GivenUp {
		return nil, vfs.ErrWaits
	}
	m.state.count++
	f := &file{File: File{Waiting: *c.File, Owner: c.Owner, Number: m.state.count}}
	m.state.files[f.Name] = f
	return m.others(nil, f), nil
}

// others adds the name of a file to names, unless it is one of this gateway, which
// has it in its queue.
func (m machine) others(names []string, f *file) []string {
	if m.isOwn(f) {
		return names
	}
	return append(names, f.Name)
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
	if m.state.here[gateway] <= epoch {
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
		all = append(all, change{Op: opHere, Owner: Owner{Gateway: gateway}, Epoch: m.state.here[gateway]})
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

// Reset implements cluster.Resetter.
func (m machine) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.notify()
	m.state = state{here: map[string]uint64{}, files: map[string]*file{}}
	m.away, m.began = map[string]time.Time{}, m.o.Now()
}
