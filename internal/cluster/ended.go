package cluster

import (
	"cmp"
	"maps"
	"slices"
)

// MaxEnded bounds the epochs that an Ended knows. They matter for the moment in which
// a gateway joins again, so that the latest are enough.
const MaxEnded = 256

// Ended is the last epoch of each gateway that has ended, as a state machine learns it
// from [Expeller]: what a gateway proposes in it comes too late. It is not safe for
// concurrent use.
type Ended map[string]uint64

// Add records that an epoch of a gateway has ended. Which are forgotten does not depend
// on the order in which they are added.
func (e Ended) Add(gateway string, epoch uint64) {
	e[gateway] = max(e[gateway], epoch)
	if len(e) > MaxEnded {
		delete(e, slices.MinFunc(slices.Collect(maps.Keys(e)), func(a, b string) int {
			return cmp.Or(cmp.Compare(e[a], e[b]), cmp.Compare(a, b))
		}))
	}
}

// Has reports whether an epoch of a gateway has ended.
func (e Ended) Has(gateway string, epoch uint64) bool { return epoch <= e[gateway] }
