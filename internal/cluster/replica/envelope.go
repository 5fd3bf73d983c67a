package replica

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
)

// An envelope is an entry of the log as it is written. It has one of Join, Beat,
// Leave, Expel and Entries.
type envelope struct {
	Gateway string `json:"g"`
	Epoch   uint64 `json:"e,omitempty"` // of the membership it is proposed in; none for Join
	// Number counts the proposals of an epoch: each counts once. A number below
	// the Floor of an entry that was applied, or one of its Void, does not count
	// any more, because the gateway has given it up or knows its outcome.
	Number uint64   `json:"n,omitempty"`
	Floor  uint64   `json:"f,omitempty"`
	Void   []uint64 `json:"v,omitempty"`
	// Mark is random: a process and its copy propose under the same numbers.
	Mark string `json:"m,omitempty"`

	Join    *join          `json:"join,omitempty"`
	Beat    bool           `json:"beat,omitempty"`
	Leave   bool           `json:"leave,omitempty"`
	Expel   *expel         `json:"expel,omitempty"`
	Entries []cluster.Data `json:"p,omitempty"`
	// Unawaited: its gateway does not wait for the others to apply it.
	Unawaited bool `json:"u,omitempty"`
}

// join makes a member, whose epoch is the number of the entry. It is void if the
// gateway has joined after the entry Seen: it arrives late, or the state folder
// was copied.
type join struct {
	Process  string            `json:"process"` // random, of one process
	Attempt  int               `json:"attempt"` // counts those of the process
	Seen     uint64            `json:"seen"`
	Replaces string            `json:"replaces,omitempty"` // the process before it, if it is certainly gone
	Lease    time.Duration     `json:"lease"`              // nanoseconds
	Formats  map[string]string `json:"formats"`            // of the machines, by name
	Expel    []expel           `json:"expel,omitempty"`    // who is silent
}

// expel ends a membership, unless it was heard of after the entry Beat.
type expel struct {
	Epoch uint64 `json:"epoch"`
	Beat  uint64 `json:"beat"`
}

func (e envelope) encode() ([]byte, error) {
	data, err := json.Marshal(e)
	if err == nil && len(data) > cluster.MaxEntry {
		err = fmt.Errorf("%w: it has %d bytes, of %d", cluster.ErrTooLarge, len(data), cluster.MaxEntry)
	}
	return data, err
}
