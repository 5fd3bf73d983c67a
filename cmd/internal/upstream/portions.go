package upstream

import (
	"cmp"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

const (
	// leastPart is the part of the rate of the account that a gateway uses while it
	// is no member: before it has joined, and from when it knows that its
	// membership has ended.
	leastPart = 1.0 / 40
	// reserved is for how many gateways that are no members that much is left. One
	// is for a gateway that starts, the others are for the last that were expelled.
	reserved = 4
	// evenPart is the part of what the members have that is handed out evenly,
	// whatever they need, so that one that wakes up has something at once.
	evenPart = 0.25
)

// A share is an entry of the machine of portions.
type share struct {
	Op      string          `json:"op"` // "here", "want", "gone", "refused"; "absent" in a snapshot
	Gateway string          `json:"gateway"`
	Epoch   uint64          `json:"epoch,omitempty"`
	Total   float64         `json:"total,omitempty"` // the rate that its store was opened with, in requests a second
	Want    float64         `json:"want,omitempty"`
	Refused backend.Refusal `json:"refused,omitzero"`
}

// portions is a machine of what each gateway may use of the rate of the account.
// Everybody computes it from the same state by the same function.
//
// A gateway uses the least that any state has given it since the last one that it
// knows all members to have reached. Some state is the earliest that a member has
// reached now; it is among those of every other, and what the members use is not
// more than it hands out.
type portions struct {
	log cluster.Log[share]

	mu      sync.Mutex // guards what follows
	members []share    // "here" or "want", in the order of their epochs
	absent  []string   // the gateways that were expelled last, the latest at the end
	epoch   uint64     // of this gateway's membership; 0: none
	full    float64    // of this gateway's store
	number  uint64     // of the state
	since   []portion  // of this gateway, in the states since the one that all have reached; those that are not less than a later one are left out
	changed chan struct{}

	limit atomic.Uint64 // bits of the least of since; without a lock, because requests ask for it

	refused func(epoch uint64, r backend.Refusal) // called when a gateway tells of a refusal; nil: nobody minds
}

// portion is what a gateway may use in a state and those after it, until the next
// portion.
type portion struct {
	number uint64
	rate   float64
}

func openPortions(e cluster.Engine) (*portions, error) {
	p := &portions{changed: make(chan struct{})}
	var err error
	p.log, err = cluster.Open(e, "portions", journal.Config[share]{Format: "portions 1", Machine: p})
	return p, err
}

// Apply implements journal.Machine.
func (p *portions) Apply(e share) error {
	if e.Op == "refused" {
		if p.refused != nil {
			p.refused(e.Epoch, e.Refused)
		}
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch at := slices.IndexFunc(p.members, func(m share) bool { return m.Epoch == e.Epoch }); {
	case e.Op == "here" && !isRate(e.Total):
		return fmt.Errorf("a rate of %v requests a second: %w", e.Total, fs.ErrInvalid)
	case e.Op == "here" && at < 0:
		p.absent = slices.DeleteFunc(p.absent, func(gateway string) bool { return gateway == e.Gateway })
		p.members = append(p.members, e)
		slices.SortFunc(p.members, func(a, b share) int { return cmp.Compare(a.Epoch, b.Epoch) })
	case e.Op == "here":
		p.members[at] = e
	case e.Op == "want" && at >= 0:
		p.members[at].Want = e.Want
	case e.Op == "gone" && at >= 0:
		p.members = slices.Delete(p.members, at, at+1)
	case e.Op == "want", e.Op == "gone":
	case e.Op == "absent":
		p.leave(e.Gateway)
	default:
		return fmt.Errorf("%w: portion %q", journal.ErrEntry, e.Op)
	}
	p.next()
	return nil
}

// isRate reports whether a number of requests a second can be handed out.
func isRate(r float64) bool { return r > 0 && r < math.MaxFloat32 }

// leave notes a gateway that may go on with the least portion; p.mu is held.
func (p *portions) leave(gateway string) {
	p.absent = append(slices.DeleteFunc(p.absent, func(g string) bool { return g == gateway }), gateway)
	p.absent = p.absent[max(0, len(p.absent)-(reserved-1)):]
}

// Expelled implements cluster.Expeller.
func (p *portions) Expelled(gateway string, epoch uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.members, func(m share) bool { return m.Epoch == epoch })
	if at < 0 {
		return
	}
	p.members = slices.Delete(p.members, at, at+1)
	p.leave(gateway)
	p.next()
}

// Snapshot implements journal.Machine.
func (p *portions) Snapshot() iter.Seq[share] {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.members)
	for i := range all {
		all[i].Op = "here"
	}
	for _, gateway := range p.absent {
		all = append(all, share{Op: "absent", Gateway: gateway})
	}
	return slices.Values(all)
}

// Reset implements cluster.Resetter. What the states after it were is not known
// until all have reached a later one.
func (p *portions) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members, p.absent = nil, nil
	p.next()
}

// next numbers a state and takes this gateway's portion; p.mu is held.
func (p *portions) next() {
	p.number++
	own := p.own()
	for len(p.since) > 0 && p.since[len(p.since)-1].rate >= own {
		p.since = p.since[:len(p.since)-1]
	}
	p.since = append(p.since, portion{p.number, own})
	p.take()
	close(p.changed)
	p.changed = make(chan struct{})
}

// own is this gateway's portion in the present state; p.mu is held.
func (p *portions) own() float64 {
	if rate, ok := handOut(p.members, len(p.absent))[p.epoch]; ok {
		return rate
	}
	return p.full * leastPart
}

// take takes the least portion, which is the first; p.mu is held.
func (p *portions) take() { p.limit.Store(math.Float64bits(p.since[0].rate)) }

// begin begins a membership of this gateway, with the least portion.
func (p *portions) begin(epoch uint64, full float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch, p.full = epoch, full
	p.since = []portion{{p.number, full * leastPart}}
	p.take()
}

// rises reports whether this gateway may use more once all have reached the
// present state, which it numbers. changed is closed with the next one.
func (p *portions) rises() (number uint64, rises bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.number, p.own() > p.may(), p.changed
}

// reached notes that all members have reached a state.
func (p *portions) reached(number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := 0
	for i, portion := range p.since {
		if portion.number <= number {
			at = i
		}
	}
	p.since = slices.Delete(p.since, 0, at)
	p.take()
}

// may is what this gateway may use at present. It does not block.
func (p *portions) may() float64 { return math.Float64frombits(p.limit.Load()) }

// now returns the members, their portions by epoch, and the rate of the account.
func (p *portions) now() (members []share, rates map[uint64]float64, total float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.members), handOut(p.members, len(p.absent)), totalOf(p.members)
}

// totalOf is the least rate that a member's store was opened with; 0 for no members.
func totalOf(members []share) float64 {
	if len(members) == 0 {
		return 0
	}
	return slices.MinFunc(members, func(a, b share) int { return cmp.Compare(a.Total, b.Total) }).Total
}

// handOut returns the portions of members, by epoch, whose sum is the rate of the
// account without what is left to those that are no members. Of it evenPart is
// handed out evenly, and the rest by what they want: to all of them the same, but
// to none more than it wants as long as another wants more.
func handOut(members []share, absent int) map[uint64]float64 {
	rates := map[uint64]float64{}
	if len(members) == 0 {
		return rates
	}
	total := totalOf(members)
	left := total * (1 - leastPart*float64(min(absent, reserved-1)+1))
	even := left * evenPart / float64(len(members))
	byWant := slices.SortedFunc(slices.Values(members), func(a, b share) int {
		return cmp.Or(cmp.Compare(a.Want, b.Want), cmp.Compare(a.Epoch, b.Epoch))
	})
	for i, m := range byWant {
		rate := min(max(even, m.Want), left/float64(len(byWant)-i))
		rates[m.Epoch] = rate
		left -= rate
	}
	for _, m := range members { // what nobody wants
		rates[m.Epoch] += left / float64(len(members))
	}
	return rates
}
