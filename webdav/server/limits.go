package server

import "time"

// Limits bound what clients may take at once. A zero field means its default.
type Limits struct {
	// Requests is how many requests are served at the same time, of one client
	// (by its address) three quarters of that; others wait for QueueTime and
	// then get 503. Default 256.
	Requests int
	// QueueTime is how long a request waits for a slot. Default 30 s.
	QueueTime time.Duration
	// Idle is how long a transfer may stand still before it is cut; the limit
	// moves along with the bytes, so that a transfer may take as long as it
	// needs. Default 2 min.
	Idle time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.Requests <= 0 {
		l.Requests = 256
	}
	if l.QueueTime <= 0 {
		l.QueueTime = 30 * time.Second
	}
	if l.Idle <= 0 {
		l.Idle = 2 * time.Minute
	}
	return l
}
