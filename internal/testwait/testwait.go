// Package testwait limits how long a test waits for a condition. A number of
// seconds would be too short on some machine, or under load, and its failure
// would only show that it is slow. So the limit is that of the whole run, which
// go test -timeout sets.
package testwait

import (
	"testing"
	"time"
)

// Limit returns the time until shortly before the run is ended, so that the
// test can still report what it waited for. It is ten minutes if the run has no
// limit.
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
