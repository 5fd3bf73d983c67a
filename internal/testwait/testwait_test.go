package testwait_test

import (
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testwait"
)

// run is a test in a run that ends after some time, or never.
type run struct {
	testing.TB
	left time.Duration
}

func (r run) Deadline() (time.Time, bool) { return time.Now().Add(r.left), r.left != 0 }

func TestLimit(t *testing.T) {
	for _, c := range []struct{ left, least, most time.Duration }{
		{0, 10 * time.Minute, 10 * time.Minute},
		{20 * time.Minute, 18 * time.Minute, 19 * time.Minute},
		{time.Minute, 29 * time.Second, 30 * time.Second},
	} {
		if got := testwait.Limit(run{t, c.left}); got < c.least || got > c.most {
			t.Errorf("of a run that ends in %v it is %v", c.left, got)
		}
	}
}
