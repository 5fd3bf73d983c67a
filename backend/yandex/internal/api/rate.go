package api

import "github.com/davdisk/davdisk/backend"

// Rate returns the limit on requests, or nil if there is none.
func (c *Client) Rate() backend.Rate {
	if c.rate == nil {
		return nil
	}
	return sharedRate{c.rate, c.opts.Rate}
}

// sharedRate implements backend.Rate.
type sharedRate struct {
	t    *throttle
	full float64
}

func (r sharedRate) Full() float64 { return r.full }

func (r sharedRate) Share(limit func() float64, refused func(backend.Refusal)) {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	r.t.limit, r.t.refused = limit, refused
}

func (r sharedRate) Raised() {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	r.t.wake()
}

func (r sharedRate) Refused(refusal backend.Refusal) {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	r.t.pace.lower(r.t.now(), refusal)
}

func (r sharedRate) Requests() (asked, waited uint64) {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	return r.t.asked, r.t.waited
}

// delayed counts a request that has to wait.
func (t *throttle) delayed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waited++
}
