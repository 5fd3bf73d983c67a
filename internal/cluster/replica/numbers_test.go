package replica

import (
	"math/rand/v2"
	"testing"
)

// TestWhatWasGivenUpDoesNotCountLate proposes at random, gives up at random, and
// lets entries come in any order, twice, or never. Once an entry counts that began
// after another one was given up, that one counts no more; and whatever is not
// given up counts, once.
func TestWhatWasGivenUpDoesNotCountLate(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		n := numbers{pending: map[uint64]*pending{}}
		m := &record{}
		gone := map[uint64]uint64{} // the last number when it was given up
		counted := map[uint64]bool{}
		var sent []envelope
		latest := uint64(0) // the latest number that has counted
		for range 200 {
			switch random.IntN(4) {
			case 0:
				var e envelope
				n.begin(&e)
				sent = append(sent, e)
			case 1:
				if len(sent) > 0 {
					number := sent[random.IntN(len(sent))].Number
					if n.pending[number] != nil {
						gone[number] = n.last
					}
					n.forget(number)
				}
			default:
				if len(sent) == 0 {
					break
				}
				e := sent[random.IntN(len(sent))]
				_, givenUp := gone[e.Number]
				late := givenUp && latest > gone[e.Number]
				counts := m.counts(e)
				if counts && (late || counted[e.Number]) {
					t.Fatalf("seed %d: %d counts, though it was given up at %d and %d counted since, or twice", seed, e.Number, gone[e.Number], latest)
				}
				if !counts && !givenUp && !counted[e.Number] {
					t.Fatalf("seed %d: %d does not count, and was not given up", seed, e.Number)
				}
				if counts {
					counted[e.Number] = true
					latest = max(latest, e.Number)
					n.resolve(e.Number, 1, nil)
				}
			}
		}
	}
}
