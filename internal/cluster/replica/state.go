package replica

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// state is what all gateways have in common, apart from the machines. It changes
// by entries alone and is deterministic, as they are.
type state struct {
	Seq      uint64             `json:"seq"`      // of the last entry
	Formats  map[string]string  `json:"formats"`  // of the machines, by name
	Members  map[uint64]*record `json:"members"`  // by epoch
	Gateways map[string]past    `json:"gateways"` // by name, also of former members
	// Forgotten is the last entry of those that are in Gateways no more.
	Forgotten uint64 `json:"forgotten,omitempty"`

	machines map[string]cluster.State
}

// record is a member.
type record struct {
	Gateway string        `json:"gateway"`
	Process string        `json:"process"`
	Attempt int           `json:"attempt"`
	Lease   time.Duration `json:"lease"`
	Beat    uint64        `json:"beat"`  // the entry in which it was last heard of
	Floor   uint64        `json:"floor"` // what counts no more is below
	Counted []uint64      `json:"counted,omitempty"`
	// Over: another process has joined as this gateway. Nothing of this member
	// counts any more; it is one until it is expelled, since it may not know.
	Over bool `json:"over,omitempty"`
}

// past is what stays known of a gateway.
type past struct {
	Joined  uint64 `json:"joined"`  // its last membership
	Process string `json:"process"` // which that was of
	Last    uint64 `json:"last"`    // its last entry that has counted
}

// mostGateways is how many of former members stay known.
const mostGateways = 256

// errNoFollower means that this gateway cannot apply what others have proposed.
var errNoFollower = errors.New("the log has an entry that this version of the program does not know")

// errVoid is the outcome of an entry that does not count.
var errVoid = errors.New("the entry was given up, or is there twice")

func newState() state {
	return state{Members: map[uint64]*record{}, Gateways: map[string]past{}, machines: map[string]cluster.State{}}
}

func (s *state) reset() {
	machines := s.machines
	*s = newState()
	s.machines = machines
	for _, m := range s.machines {
		m.Reset()
	}
}

// apply applies an entry. An error that is not errNoFollower is its outcome.
func (s *state) apply(seq uint64, e envelope) error {
	s.Seq = seq
	if e.Join != nil {
		return s.join(seq, e.Gateway, e.Join)
	}
	m := s.Members[e.Epoch]
	if m == nil || m.Over || m.Gateway != e.Gateway { // numbers come again in a log that was restored from a copy
		return cluster.ErrExpelled
	}
	if !m.counts(e) {
		return errVoid
	}
	known := s.Gateways[e.Gateway]
	known.Last = seq
	s.Gateways[e.Gateway] = known
	switch {
	case e.Beat:
		m.Beat = seq
	case e.Leave:
		s.end(e.Epoch)
	case e.Expel != nil:
		if e.Expel.applies(s.Members[e.Expel.Epoch]) {
			s.end(e.Expel.Epoch)
		}
	default:
		return s.change(e.Entries)
	}
	return nil
}

// counts reports whether the number of an entry of the member was not there
// before, and notes it.
func (m *record) counts(e envelope) bool {
	if m.past(e.Number) {
		return false
	}
	m.Floor = max(m.Floor, e.Floor)
	for _, number := range append(e.Void, e.Number) {
		if !m.past(number) {
			m.Counted = append(m.Counted, number)
		}
	}
	m.Counted = slices.DeleteFunc(m.Counted, func(n uint64) bool { return n < m.Floor })
	return true
}

// past reports whether a number was there, or was given up.
func (m *record) past(number uint64) bool {
	return number < m.Floor || slices.Contains(m.Counted, number)
}

// applies reports whether nothing was heard of a member since.
func (e expel) applies(m *record) bool { return m != nil && m.Beat == e.Beat }

// join adds a member. Memberships of its process, and of the one that it knows to
// be gone, end; those of others in its name are over.
func (s *state) join(seq uint64, gateway string, j *join) error {
	if known, ok := s.Gateways[gateway]; ok && known.Joined > j.Seen || !ok && s.Forgotten > j.Seen {
		return errVoid
	}
	var ending, over []uint64
	for _, epoch := range s.epochs() {
		m := s.Members[epoch]
		switch {
		case m.Gateway == gateway && (m.Process == j.Process || m.Process == j.Replaces),
			slices.ContainsFunc(j.Expel, func(e expel) bool { return e.Epoch == epoch && e.applies(m) }):
			ending = append(ending, epoch)
		case m.Gateway == gateway:
			over = append(over, epoch)
		}
	}
	if s.Formats != nil && !maps.Equal(s.Formats, j.Formats) && len(ending) < len(s.Members) {
		return fmt.Errorf("%w: the log has %v, this gateway %v; stop the gateways of the other version first", cluster.ErrFormat, s.Formats, j.Formats)
	}
	for _, epoch := range ending {
		s.end(epoch)
	}
	for _, epoch := range over {
		s.Members[epoch].Over = true
	}
	s.Formats = j.Formats
	s.Members[seq] = &record{Gateway: gateway, Process: j.Process, Attempt: j.Attempt, Lease: j.Lease, Beat: seq}
	s.Gateways[gateway] = past{Joined: seq, Process: j.Process, Last: seq}
	s.forget()
	return nil
}

// forget forgets the gateways that were silent for longest, if there are too many.
func (s *state) forget() {
	for len(s.Gateways) > mostGateways+len(s.Members) {
		oldest := ""
		for name, known := range s.Gateways {
			isMember := slices.ContainsFunc(s.epochs(), func(epoch uint64) bool { return s.Members[epoch].Gateway == name })
			if !isMember && (oldest == "" || known.Last < s.Gateways[oldest].Last) {
				oldest = name
			}
		}
		s.Forgotten = max(s.Forgotten, s.Gateways[oldest].Last)
		delete(s.Gateways, oldest)
	}
}

// last returns the last entry that is known of a gateway, or the last that may
// have been one of it.
func (s *state) last(gateway string) uint64 { return max(s.Gateways[gateway].Last, s.Forgotten) }

// isMember reports whether the entries of an epoch count.
func (s *state) isMember(epoch uint64) bool {
	m := s.Members[epoch]
	return m != nil && !m.Over
}

// end ends a membership.
func (s *state) end(epoch uint64) {
	gateway := s.Members[epoch].Gateway
	delete(s.Members, epoch)
	for _, name := range slices.Sorted(maps.Keys(s.machines)) {
		s.machines[name].Expelled(gateway, epoch)
	}
}

// change applies entries of machines, until one is refused.
func (s *state) change(entries []cluster.Data) error {
	for _, e := range entries {
		m := s.machines[e.Name]
		if m == nil {
			return fmt.Errorf("%w: it is for %q", errNoFollower, e.Name)
		}
		if err := m.Apply(e.Data); errors.Is(err, journal.ErrEntry) {
			return fmt.Errorf("%w: %s: %w", errNoFollower, e.Name, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// epochs returns those of the members, in the order in which they joined.
func (s *state) epochs() []uint64 { return slices.Sorted(maps.Keys(s.Members)) }
