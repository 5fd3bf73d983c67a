// Package testwait says how long a test waits for what must come. A number of
// seconds would be too short on some machine, or beside other programs, and
// only tells that it is slow. So the bound is that of the whole run, which
// go test -timeout sets for the machine at hand.
package testwait

import (
	"testing"
	"time"
)

// Limit is the time until shortly before the run is ended, so that the test
// can still say what it waited for. A run without a bound has ten minutes.
func Limit(tb testing.TB) time.Duration {
	const reporting, unbounded = time.Minute, 10 * time.Minute
	if run, ok := tb.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := run.Deadline(); ok {
			left := time.Until(end)
			return max(left-reporting, left/2)
		}
	}
	return unbounded
}
