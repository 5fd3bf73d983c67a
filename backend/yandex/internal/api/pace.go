package api

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/davdisk/davdisk/backend"
)

// How the rate adapts. A 429 lowers it by the share of requests that was refused
// in the last second, by half at most, and at most once in the time of a response.
// From then on requests are spread; each that is served raises the rate, from the
// slowest to the full one in recoverTime. Time in which nothing is requested does
// not raise it, since what the service would bear is not known; after recoverTime
// it begins anew with the rate that it was lowered to.
const (
	slowest     = 1 // requests a second
	reactTime   = 500 * time.Millisecond
	recoverTime = 5 * time.Second
	window      = time.Second
	trusted     = 5 // requests that count as served, so that a few refusals alone say little
)

// pace is the rate of requests. It has no lock: callers hold one.
type pace struct {
	full    rate.Limit
	limiter *rate.Limiter // at the present rate

	lowered rate.Limit // the rate after it was last lowered; zero: never, or it has recovered
	before  rate.Limit // the rate before that
	slowed  time.Time  // when it began to be lowered
	raised  time.Time  // until when time has raised the rate
	sent    time.Time  // when the last request was sent
	paused  time.Time  // until when nothing is sent

	served, refused recently
}

// newPace returns a pace of perSecond requests a second, with a burst of as many.
func newPace(perSecond float64) pace {
	full := rate.Limit(perSecond)
	return pace{full: full, limiter: rate.NewLimiter(full, burst(full))}
}

// burst is how many requests may be sent at once at a rate.
func burst(r rate.Limit) int { return max(1, int(r)) }

// next returns zero if a request may be sent now, which it counts, or how long to
// wait before asking again.
func (p *pace) next(now time.Time) time.Duration {
	if now.Before(p.paused) {
		return p.paused.Sub(now)
	}
	if p.lowered > 0 && now.Sub(p.sent) > recoverTime {
		p.set(now, p.lowered)
	}
	r := p.limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
		return wait
	}
	p.sent = now
	return 0
}

// serve records a request that was not refused for the rate, and reports whether it
// has raised that.
func (p *pace) serve(now time.Time) (raised bool) {
	p.served.add(now)
	limit := p.limiter.Limit()
	if limit >= p.full {
		return false
	}
	since := min(now.Sub(p.raised), window) // not the time in which nothing was requested
	if since <= 0 {
		return false
	}
	p.raised = now
	if limit += p.full * rate.Limit(since.Seconds()/recoverTime.Seconds()); limit >= p.full {
		limit, p.lowered = p.full, 0
	}
	p.set(now, limit)
	return true
}

// refuse records a request that was refused for the rate, and is to be repeated
// after retryAfter, if that is not zero. If the service refuses more than it
// serves, that holds for all requests. It returns what others of the account have
// to know.
func (p *pace) refuse(now time.Time, retryAfter time.Duration) backend.Refusal {
	p.refused.add(now)
	served, refused := p.served.count(now), p.refused.count(now)
	r := backend.Refusal{Served: max(0.5, float64(served+trusted)/float64(served+trusted+refused))}
	if retryAfter <= maxRetryAfter && refused > served {
		r.Pause = retryAfter
	}
	p.lower(now, r)
	return r
}

// lower lowers the rate.
func (p *pace) lower(now time.Time, r backend.Refusal) {
	if until := now.Add(min(r.Pause, maxRetryAfter)); r.Pause > 0 && until.After(p.paused) {
		p.paused = until
	}
	if now.Sub(p.slowed) >= reactTime {
		p.slowed, p.before = now, p.limiter.Limit()
	}
	p.raised = now
	if p.paused.After(now) {
		p.raised = p.paused
	}
	p.lowered = min(p.limiter.Limit(), max(min(slowest, p.full), p.before*rate.Limit(r.Served)))
	p.set(now, p.lowered)
	p.limiter.ReserveN(now, int(p.limiter.TokensAt(now))) // what was saved up is more than the service bears
}

// allow changes the full rate. One that was lowered remains lowered by the same
// factor.
func (p *pace) allow(now time.Time, full rate.Limit) {
	if full == p.full || full <= 0 {
		return
	}
	limit, factor := full, full/p.full
	if p.limiter.Limit() < p.full {
		limit = p.limiter.Limit() * factor
	}
	p.full, p.lowered, p.before = full, p.lowered*factor, p.before*factor
	p.set(now, limit)
}

// set changes the rate.
func (p *pace) set(now time.Time, limit rate.Limit) {
	size := burst(limit)
	if limit < p.full {
		size = burst(limit / 4)
	}
	p.limiter.SetLimitAt(now, limit)
	p.limiter.SetBurstAt(now, size)
}

// recently are the times of the last second, the earliest first.
type recently []time.Time

func (r *recently) add(now time.Time) {
	r.count(now)
	*r = append(*r, now)
}

// count returns how many there are, and drops those of before.
func (r *recently) count(now time.Time) int {
	old := 0
	for old < len(*r) && now.Sub((*r)[old]) >= window {
		old++
	}
	*r = append((*r)[:0], (*r)[old:]...)
	return len(*r)
}
