package replica

import (
	"encoding/json"
	"fmt"

	"github.com/davdisk/davdisk/internal/cluster"
)

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
	if s.Seq != from.Seq || s.Members == nil || s.Gateways == nil {
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
