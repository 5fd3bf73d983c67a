package replica

import (
	"encoding/json"
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
	Seq     uint64             `json:"seq"`     // of the last entry
	Formats map[string]string  `json:"formats"` // of the machines, by name
	Members map[uint64]*record `json:"members"` // by epoch

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
}

// errNoFollower means that this gateway cannot apply what others have proposed.
var errNoFollower = errors.New("the log has an entry that this version of the program does not know")

// errVoid is the outcome of an entry that does not count.
var errVoid = errors.New("the entry was given up, or is there twice")

func (s *state) reset() {
	s.Seq, s.Formats, s.Members = 0, nil, map[uint64]*record{}
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
	if m == nil {
		return cluster.ErrExpelled
	}
	if !m.counts(e.Number, e.Floor) {
		return errVoid
	}
	switch {
	case e.Beat:
		m.Beat = seq
	case e.Leave:
		s.end(e.Epoch)
	case e.Expel != nil:
		if target := s.Members[e.Expel.Epoch]; target != nil && target.Beat == e.Expel.Beat {
			s.end(e.Expel.Epoch)
		}
	default:
		return s.change(e.Entries)
	}
	return nil
}

// counts reports whether a number of the member was not there before, and notes
// it.
func (m *record) counts(number, floor uint64) bool {
	if number < m.Floor || slices.Contains(m.Counted, number) {
		return false
	}
	m.Floor = max(m.Floor, floor)
	m.Counted = slices.DeleteFunc(append(m.Counted, number), func(n uint64) bool { return n < m.Floor })
	return true
}

// join adds a member. An attempt that arrives after a later one does not count.
// Memberships of its process, and of the one that it knows to be gone, end.
func (s *state) join(seq uint64, gateway string, j *join) error {
	if s.Formats != nil && !maps.Equal(s.Formats, j.Formats) {
		return fmt.Errorf("%w: the log has %v, this gateway %v", cluster.ErrFormat, s.Formats, j.Formats)
	}
	for _, epoch := range s.epochs() {
		switch m := s.Members[epoch]; {
		case m.Gateway != gateway:
		case m.Process == j.Process && m.Attempt >= j.Attempt:
			return errVoid
		case m.Process == j.Process || m.Process == j.Replaces:
			s.end(epoch)
		}
	}
	s.Formats = j.Formats
	s.Members[seq] = &record{Gateway: gateway, Process: j.Process, Attempt: j.Attempt, Lease: j.Lease, Beat: seq}
	return nil
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

// image is a snapshot as it is written.
type image struct {
	State    *state                       `json:"state"`
	Machines map[string][]json.RawMessage `json:"machines"`
}

// snapshot returns the state and the machines.
func (s *state) snapshot() (Snapshot, error) {
	i := image{State: s, Machines: map[string][]json.RawMessage{}}
	for name, m := range s.machines {
		for data, err := range m.Snapshot() {
			if err != nil {
				return Snapshot{}, fmt.Errorf("snapshot of %s: %w", name, err)
			}
			i.Machines[name] = append(i.Machines[name], data)
		}
	}
	data, err := json.Marshal(i)
	return Snapshot{Seq: s.Seq, Data: data}, err
}

// restore replaces the state and the machines by a snapshot.
func (s *state) restore(from Snapshot) error {
	s.reset()
	i := image{State: s}
	if err := json.Unmarshal(from.Data, &i); err != nil {
		return fmt.Errorf("%w: snapshot: %w", errNoFollower, err)
	}
	if s.Seq != from.Seq || s.Members == nil {
		return fmt.Errorf("%w: the snapshot of %d has the state of %d", cluster.ErrOtherLog, from.Seq, s.Seq)
	}
	for name, entries := range i.Machines {
		m := s.machines[name]
		if m == nil {
			return fmt.Errorf("%w: its snapshot has %q", errNoFollower, name)
		}
		for _, data := range entries {
			if err := m.Apply(data); err != nil {
				return fmt.Errorf("%w: snapshot of %s: %w", errNoFollower, name, err)
			}
		}
	}
	return nil
}
