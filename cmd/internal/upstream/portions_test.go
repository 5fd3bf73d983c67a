package upstream

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestHandOut has what members get of a rate of 40 a second, of which 1 is left to
// a gateway that starts, and 1 to each that is absent, three at most.
func TestHandOut(t *testing.T) {
	for name, c := range map[string]struct {
		wants  []float64
		absent int
		rates  []float64
	}{
		"one":                     {[]float64{0}, 0, []float64{39}},
		"none wants anything":     {[]float64{0, 0, 0}, 0, []float64{13, 13, 13}},
		"one wants all":           {[]float64{0, 40, 0}, 0, []float64{3.25, 32.5, 3.25}},
		"two want all":            {[]float64{40, 0, 40}, 0, []float64{17.875, 3.25, 17.875}},
		"all want all":            {[]float64{40, 40, 40}, 0, []float64{13, 13, 13}},
		"one needs less":          {[]float64{40, 8, 40}, 0, []float64{15.5, 8, 15.5}},
		"what is left is for all": {[]float64{8, 4}, 0, []float64{21.0625, 17.9375}},
		"one is absent":           {[]float64{0, 0}, 1, []float64{19, 19}},
		"many are absent":         {[]float64{0, 0}, 9, []float64{18, 18}},
	} {
		var members []share
		for i, want := range c.wants {
			members = append(members, share{Epoch: uint64(10 + i), Total: 40, Want: want})
		}
		rates, sum := handOut(members, c.absent), 0.0
		for _, rate := range rates {
			sum += rate
		}
		if want := 39.0 - float64(min(c.absent, reserved-1)); math.Abs(sum-want) > 1e-9 {
			t.Errorf("%s: together %v, want %v", name, sum, want)
		}
		for i, want := range c.rates {
			if got := rates[uint64(10+i)]; math.Abs(got-want) > 1e-9 {
				t.Errorf("%s: member %d gets %v, want %v", name, i, got, want)
			}
		}
	}
	if handOut(nil, 2) == nil || totalOf(nil) != 0 {
		t.Error("no members have a rate")
	}
	if got := totalOf([]share{{Total: 40}, {Total: 13}, {Total: 20}}); got != 13 {
		t.Errorf("the rate of the account is %v, want the least", got)
	}
}

// TestDemand has what the others are told, from requests in each second.
func TestDemand(t *testing.T) {
	type second struct {
		asked, waited uint64
		want          float64
		changed       bool
	}
	d := demand{full: 40}
	var asked, waited uint64
	steps := []second{
		{0, 0, 0, false},
		{3, 0, 8, true},
		{3, 0, 8, false},
		{4, 1, 8, false}, // a quarter had to wait
		{4, 2, 40, true},
		{30, 0, 40, false},
	}
	for range lessAfter - 2 {
		steps = append(steps, second{1, 0, 2, false})
	}
	steps = append(steps, second{5, 0, 16, false}, second{0, 0, 16, true}, second{0, 0, 0, false}, second{0, 5, 40, true})
	for i, s := range steps {
		asked, waited = asked+s.asked, waited+s.waited
		want, changed := d.sample(asked, waited)
		if want != s.want || changed != s.changed {
			t.Fatalf("second %d: %v, %v; want %v, %v", i, want, changed, s.want, s.changed)
		}
		if changed {
			d.tell(want)
		}
	}
}

// lease is a membership that a test ends.
type lease struct {
	gateway string
	epoch   uint64
	over    atomic.Bool
}

func (l *lease) Gateway() string       { return l.gateway }
func (l *lease) Epoch() uint64         { return l.epoch }
func (l *lease) Lost() <-chan struct{} { return nil }
func (l *lease) Remaining() time.Duration {
	if l.over.Load() {
		return 0
	}
	return time.Second
}

// modelGateway applies a log in steps of its own.
type modelGateway struct {
	*Account
	name      string
	lease     *lease
	at        int            // entries applied
	asked     map[int]uint64 // the state that AppliedByAll was called for, by entry
	everyKnew int
}

// model is gateways and their log, whose entries are numbered from 1.
type model struct {
	log      []any // share, or expulsion
	gateways []*modelGateway
	random   *rand.Rand
}

type expulsion struct {
	gateway string
	epoch   uint64
}

func (m *model) append(entry any) { m.log = append(m.log, entry) }

func (m *model) add() {
	a := &Account{o: Options{Rate: &fakeRate{full: testRate}}, portions: &portions{changed: make(chan struct{})}}
	a.portions.begin(0, testRate)
	m.gateways = append(m.gateways, &modelGateway{Account: a, name: fmt.Sprint("g", len(m.gateways)), asked: map[int]uint64{}})
}

// apply applies the next entries at a gateway.
func (m *model) apply(g *modelGateway, until int) {
	for g.at < until {
		switch e := m.log[g.at].(type) {
		case share:
			_ = g.portions.Apply(e)
		case expulsion:
			g.portions.Expelled(e.gateway, e.epoch)
		}
		g.at++
	}
}

func (g *modelGateway) acts() bool { return g.lease != nil && g.lease.Remaining() > 0 }

// step lets something happen at a gateway.
func (m *model) step() {
	g := m.gateways[m.random.IntN(len(m.gateways))]
	switch m.random.IntN(12) {
	case 0: // it joins, when everything is applied here
		if g.acts() {
			break
		}
		if g.lease != nil {
			m.append(expulsion{g.name, g.lease.epoch})
		}
		m.append(nil)
		m.apply(g, len(m.log))
		g.lease = &lease{gateway: g.name, epoch: uint64(len(m.log))}
		g.portions.begin(g.lease.epoch, testRate)
		g.member.Store(&membership{g.lease})
		clear(g.asked)
	case 1:
		if g.acts() {
			m.append(share{Op: "here", Gateway: g.name, Epoch: g.lease.epoch, Total: testRate})
		}
	case 2, 3:
		if g.acts() {
			m.append(share{Op: "want", Gateway: g.name, Epoch: g.lease.epoch, Want: float64(m.random.IntN(41))})
		}
	case 4: // its lease ends, and later it may be expelled
		if g.acts() && m.random.IntN(4) == 0 {
			g.lease.over.Store(true)
		}
	case 5:
		if g.lease != nil && !g.acts() {
			m.append(expulsion{g.name, g.lease.epoch})
		}
	case 6: // a snapshot is restored, at the end of the log
		if m.random.IntN(4) == 0 {
			other := &portions{changed: make(chan struct{})}
			from := &modelGateway{Account: &Account{portions: other}}
			m.apply(from, len(m.log))
			g.portions.Reset()
			for e := range other.Snapshot() {
				_ = g.portions.Apply(e)
			}
			g.at = len(m.log)
		}
	case 7, 8: // it asks whether all have applied what it has applied
		if g.acts() {
			if number, rises, _ := g.portions.rises(); rises {
				g.asked[g.at] = number
			}
		}
	default:
		if g.acts() || m.random.IntN(3) == 0 {
			m.apply(g, min(len(m.log), g.at+1+m.random.IntN(3)))
		}
	}
	for _, g := range m.gateways {
		for at, number := range g.asked {
			if g.acts() && m.reached(at) {
				g.portions.reached(number)
				g.everyKnew++
				delete(g.asked, at)
			}
		}
	}
}

// reached reports whether each member that was one at an entry has applied it.
func (m *model) reached(at int) bool {
	return !slices.ContainsFunc(m.gateways, func(g *modelGateway) bool { return g.acts() && g.at < at })
}

// most returns what the gateways use together, and what they may: the rate of the
// account, and the least part for each but one that no state knows of.
func (m *model) most() (used, may float64) {
	earliest := len(m.log)
	for _, g := range m.gateways {
		used += g.limit()
		if g.acts() {
			earliest = min(earliest, g.at)
		}
	}
	state := &modelGateway{Account: &Account{portions: &portions{changed: make(chan struct{})}}}
	m.apply(state, earliest)
	unknown := 0
	members, _, _ := state.portions.now()
	for _, g := range m.gateways {
		known := slices.ContainsFunc(members, func(s share) bool { return s.Gateway == g.name }) || slices.Contains(state.portions.absent, g.name)
		if !known {
			unknown++
		}
	}
	return used, testRate + testRate*leastPart*float64(max(0, unknown-1))
}

// In no interleaving of entries, expulsions, snapshots and of how far each gateway
// is, do all of them together use more than the rate of the account and, of the
// gateways that no state knows of, the least part for each but one.
func TestPortionsTogetherAreTheRate(t *testing.T) {
	seeds := 100
	if testlevel.Long() {
		seeds = 10_000
	}
	first := uint64(time.Now().UnixNano())
	raised, largest := 0, 0.0
	for seed := range uint64(seeds) {
		m := &model{random: rand.New(rand.NewPCG(first, seed))}
		for range 2 + m.random.IntN(5) {
			m.add()
		}
		for step := range 300 {
			m.step()
			used, may := m.most()
			if largest = max(largest, used); used > may+1e-6 {
				limits := map[string]float64{}
				for _, g := range m.gateways {
					limits[g.name] = g.limit()
				}
				t.Fatalf("seed %d %d, step %d: together they use %v, of %v: %v", first, seed, step, used, may, slices.Collect(maps.Values(limits)))
			}
		}
		for _, g := range m.gateways {
			raised += g.everyKnew
		}
	}
	if t.Logf("seed %d: %d times a portion was raised, at most %v were used", first, raised, largest); raised < seeds || largest < 30 {
		t.Error("nothing was tried")
	}
}

// What a gateway cannot mean is refused, and is no entry that ends all gateways.
func TestUnlikelyRates(t *testing.T) {
	for _, rate := range []float64{0, -1, math.Inf(1), math.NaN(), math.MaxFloat64} {
		p := &portions{changed: make(chan struct{})}
		if err := p.Apply(share{Op: "here", Gateway: "g", Epoch: 1, Total: rate}); !errors.Is(err, fs.ErrInvalid) || errors.Is(err, journal.ErrEntry) {
			t.Errorf("a rate of %v: %v", rate, err)
		}
		if _, err := Open(Options{Rate: &fakeRate{full: rate}}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("opened with a rate of %v: %v", rate, err)
		}
	}
	if err := (&served{}).Apply(store{}); !errors.Is(err, fs.ErrInvalid) || errors.Is(err, journal.ErrEntry) {
		t.Errorf("a store without a digest: %v", err)
	}
}
