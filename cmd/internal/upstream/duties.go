package upstream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// Errors of duties.
var (
	errHeld    = errors.New("another gateway has that duty")
	errNotHeld = errors.New("this gateway does not have that duty")
)

// A duty is an entry of the machine of duties.
type duty struct {
	Op      string `json:"op"` // "claim", "tell" or "end"
	Duty    string `json:"duty"`
	Gateway string `json:"gateway"`
	Epoch   uint64 `json:"epoch"`
}

// duties is a machine of what one gateway does for all. The first that claims a
// duty has it, until it ends that or its membership does. While it has it, it can
// tell all gateways that something has come of it. It is safe for concurrent use.
type duties struct {
	log  cluster.Log[duty]
	told func(name string) // called at each gateway when a duty is claimed, and when its holder tells; before anybody is seen to have it

	mu      sync.Mutex // guards what follows
	held    map[string]duty
	changed chan struct{} // closed with the next change
}

// openDuties opens the machine. told must return soon and propose nothing.
func openDuties(e cluster.Engine, told func(name string)) (*duties, error) {
	d := &duties{told: told, held: map[string]duty{}, changed: make(chan struct{})}
	var err error
	d.log, err = cluster.Open(e, "duties", journal.Config[duty]{Format: "duties 1", Machine: d})
	return d, err
}

// claim makes a member the one that has a duty; errHeld if there is another.
func (d *duties) claim(ctx context.Context, m cluster.Member, name string) error {
	return d.propose(ctx, "claim", m, name)
}

// tell lets all gateways know that something has come of a duty; errNotHeld if the
// member does not have it.
func (d *duties) tell(ctx context.Context, m cluster.Member, name string) error {
	return d.propose(ctx, "tell", m, name)
}

// end gives a duty up, if the member has it.
func (d *duties) end(ctx context.Context, m cluster.Member, name string) error {
	return d.propose(ctx, "end", m, name)
}

func (d *duties) propose(ctx context.Context, op string, m cluster.Member, name string) error {
	_, err := d.log.Propose(ctx, duty{op, name, m.Gateway(), m.Epoch()}, journal.Options{})
	return err
}

// holder returns who has a duty, if anybody has, and a channel that is closed when
// that may have changed.
func (d *duties) holder(name string) (holder duty, held bool, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	holder, held = d.held[name]
	return holder, held, d.changed
}

// Apply implements journal.Machine.
func (d *duties) Apply(e duty) error {
	holder, held, _ := d.holder(e.Duty)
	switch e.Op {
	case "claim":
		if held {
			return errHeld
		}
		d.told(e.Duty)
		d.change(func() { d.held[e.Duty] = e })
	case "tell":
		if !held || holder.Epoch != e.Epoch {
			return errNotHeld
		}
		d.told(e.Duty)
	case "end":
		if held && holder.Epoch == e.Epoch {
			d.change(func() { delete(d.held, e.Duty) })
		}
	default:
		return fmt.Errorf("%w: duty %q", journal.ErrEntry, e.Op)
	}
	return nil
}

// Snapshot implements journal.Machine.
func (d *duties) Snapshot() iter.Seq[duty] {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []duty
	for _, name := range slices.Sorted(maps.Keys(d.held)) {
		all = append(all, d.held[name])
	}
	return slices.Values(all)
}

// Expelled implements cluster.Expeller: the duties of a member end with it.
func (d *duties) Expelled(_ string, epoch uint64) {
	d.change(func() { maps.DeleteFunc(d.held, func(_ string, h duty) bool { return h.Epoch == epoch }) })
}

// Reset implements cluster.Resetter.
func (d *duties) Reset() { d.change(func() { clear(d.held) }) }

func (d *duties) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	close(d.changed)
	d.changed = make(chan struct{})
}
