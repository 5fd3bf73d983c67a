package clustertest

import (
	"sync"
	"time"

	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// A Clock is the clocks of a gateway that stand still unless they are moved. It is
// safe for concurrent use.
type Clock struct {
	mu      sync.Mutex
	now     replica.Reading
	waiting []timer
}

type timer struct {
	at   time.Duration // by the clock of a machine that is awake
	sent chan time.Time
}

// Now implements replica.Clock.
func (c *Clock) Now() replica.Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After implements replica.Clock.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := timer{c.now.Awake + d, make(chan time.Time, 1)}
	c.waiting = append(c.waiting, t)
	return t.sent
}

// Advance moves all clocks.
func (c *Clock) Advance(d time.Duration) { c.move(d, d, d) }

// Suspend moves the clocks that go on while the machine is suspended.
func (c *Clock) Suspend(d time.Duration) { c.move(0, d, d) }

func (c *Clock) move(awake, boot, wall time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Awake, c.now.Boot, c.now.Wall = c.now.Awake+awake, c.now.Boot+boot, c.now.Wall.Add(wall)
	var left []timer
	for _, t := range c.waiting {
		if t.at <= c.now.Awake {
			t.sent <- c.now.Wall
		} else {
			left = append(left, t)
		}
	}
	c.waiting = left
}
