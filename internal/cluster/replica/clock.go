package replica

import "time"

// A Clock tells elapsed time. The clocks of gateways are never compared.
type Clock interface {
	Now() Reading
	// After sends when this much time has passed, or later.
	After(d time.Duration) <-chan time.Time
}

// A Reading is what the clocks of a machine show at one moment.
type Reading struct {
	Awake time.Duration // while the machine was not suspended
	Boot  time.Duration // since it was started; Awake where no such clock is
	Wall  time.Time     // which people and services set
}

// least is how much time has certainly passed since an earlier reading.
func (r Reading) least(earlier Reading) time.Duration { return r.Awake - earlier.Awake }

// most is how much time may have passed since an earlier reading: one clock stands
// still while the machine is suspended, another while a virtual machine is.
func (r Reading) most(earlier Reading) time.Duration {
	return max(r.Awake-earlier.Awake, r.Boot-earlier.Boot, r.Wall.Round(0).Sub(earlier.Wall.Round(0)))
}

// SystemClock returns the clocks of this machine.
func SystemClock() Clock { return system{start: time.Now()} }

type system struct{ start time.Time }

func (s system) Now() Reading {
	now := time.Now()
	awake := now.Sub(s.start) // by the monotonic clock
	return Reading{Awake: awake, Boot: sinceBoot(awake), Wall: now}
}

func (system) After(d time.Duration) <-chan time.Time { return time.After(d) }
