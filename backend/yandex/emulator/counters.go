package emulator

import (
	"maps"
	"sync"
)

// Counters hold what a client has cost since the start or the last
// [Emulator.ResetCounters].
type Counters struct {
	By        map[Endpoint]int // requests by endpoint, refused and faulty ones included
	Hops      int              // responses of the downloader that only redirect to a storage host
	Faults    int              // requests that met an injected fault
	TokenLeak int              // requests with an Authorization header at the uploader, downloader or storage
	BytesUp   int64            // content received by the uploader
	BytesDown int64            // content sent by downloader and storage
}

// API is the number of requests to the REST API.
func (c Counters) API() int {
	n := 0
	for endpoint, count := range c.By {
		if endpoint.isAPI() {
			n += count
		}
	}
	return n
}

// Transfers is the number of requests that carry content: those to the
// uploader, and those to downloader and storage without the redirecting hops.
func (c Counters) Transfers() int {
	return c.By[UploadContent] + c.By[ResumeUpload] + c.By[Download] + c.By[Storage] - c.Hops
}

// counters is what Counters is a copy of.
type counters struct {
	mu sync.Mutex // guards now
	n  Counters
}

func (c *counters) update(f func(*Counters)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n.By == nil {
		c.n.By = make(map[Endpoint]int)
	}
	f(&c.n)
}

// Counters returns a copy of the counters.
func (e *Emulator) Counters() Counters {
	var out Counters
	e.counters.update(func(c *Counters) {
		out = *c
		out.By = maps.Clone(c.By)
	})
	return out
}

// ResetCounters sets all counters to zero.
func (e *Emulator) ResetCounters() {
	e.counters.update(func(c *Counters) { *c = Counters{By: make(map[Endpoint]int)} })
}
