package backend

import (
	"errors"
	"time"
)

// A Rater limits the requests that it makes to its service in a second.
type Rater interface {
	// Rate returns the limit, or nil if there is none.
	Rate() Rate
}

// A Rate is a limit on requests which is shared with other processes that use the
// same account. It is safe for concurrent use.
type Rate interface {
	// Full returns the limit that the store was opened with, in requests a
	// second.
	Full() float64
	// Share makes limit say how many requests a second are allowed from now on.
	// It is called before each request, so it must not block; it returns more
	// than zero. refused is called when the service has refused a request for
	// its rate, and must return soon.
	Share(limit func() float64, refused func(Refusal))
	// Raised is called when limit returns more than before: a request that waits
	// need not wait as long as it would have had to.
	Raised()
	// Refused slows down as if the service had refused requests of this
	// process, which recovers in the same way: another one was told.
	Refused(Refusal)
	// Requests returns how many requests were asked for so far, and how many of
	// them had to wait for the rate.
	Requests() (asked, waited uint64)
}

// A Refusal says how a service refuses requests for their rate.
type Refusal struct {
	Served float64       // the share of the latest requests that it has served, above 0 and at most 1
	Pause  time.Duration // how long it wants no requests at all; 0: it did not say
}

// RateOf returns the limit of b; errors.ErrUnsupported if it has none.
func RateOf(b Backend) (Rate, error) {
	if r, ok := As[Rater](b); ok {
		if rate := r.Rate(); rate != nil {
			return rate, nil
		}
	}
	return nil, PathError("rate", ".", errors.ErrUnsupported, "the store does not limit its requests")
}
