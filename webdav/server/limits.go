package server

import "time"

// Limits bound the resources that clients may use. A zero field means its default.
type Limits struct {
	// Requests is how many requests are served at the same time, and three
	// quarters of it for one client (by its address); others wait for up to
	// QueueTime and then get 503. Default 256.
	Requests int
	// QueueTime is how long a request waits for a slot. Default 30 s.
	QueueTime time.Duration
	// Idle is how long a transfer may make no progress before it is cut. There
	// is no limit for a whole transfer. Default 2 min.
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
