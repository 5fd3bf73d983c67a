package server

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// throttle slows down whoever tries passwords. Wrong ones are counted by the
// address they come from, by the user they are tried on, and by both. Names
// that are nobody's are counted by address alone: no guess at them can come
// true, and they would only fill the table. The same wrong password again is
// no guess (see authentication).
//
// Somebody who has been let in from the same address before is not held up by
// that, or strangers could lock a user out who shares an address with them, as
// all do behind a proxy that nobody has called trusted. But then a stranger's
// right guess would pass among any number of wrong ones; so when they come in
// hundreds, he waits too.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	buckets *lru.LRU[bucketKey, *rate.Limiter]
}

// bucketKey is what is counted, and for whom.
type bucketKey struct {
	kind bucketKind
	from netip.Prefix
	name string
}

type bucketKind int

const (
	guessesFrom bucketKind = iota // wrong passwords from an address
	guessesAt                     // at a user
	guessesBoth                   // from an address at a user
	attempts                      // the same, with those that were not looked at
)

// allowance is how many are free, and how often one more is after that.
type allowance struct {
	free  int
	every time.Duration
}

func (k bucketKind) allowance() allowance {
	switch k {
	case guessesFrom:
		return allowance{50, 5 * time.Second}
	case guessesAt:
		return allowance{200, 5 * time.Second}
	case guessesBoth:
		return allowance{10, 10 * time.Second}
	default:
		return allowance{500, time.Second / 5}
	}
}

// throttleEntries bounds the table; what has not been asked for longest goes.
const throttleEntries = 8192

func newThrottle(now func() time.Time) *throttle {
	buckets, err := lru.NewLRU[bucketKey, *rate.Limiter](throttleEntries, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &throttle{now: now, buckets: buckets}
}

// attempt tells how long a password that is not known yet must wait; 0 lets it
// be looked at.
func (t *throttle) attempt(from netip.Addr, name string, known bool) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, key := range guesses(from, name, known) {
		longest = max(longest, t.wait(key))
	}
	if known && longest > 0 {
		t.count(bucketKey{attempts, networkOf(from), name})
	}
	return longest
}

// failed counts a wrong password.
func (t *throttle) failed(from netip.Addr, name string, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range guesses(from, name, known) {
		t.count(key)
	}
}

// crowded tells how long somebody who was let in before must wait.
func (t *throttle) crowded(from netip.Addr, name string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wait(bucketKey{attempts, networkOf(from), name})
}

func (t *throttle) wait(key bucketKey) time.Duration {
	bucket, ok := t.buckets.Get(key)
	if !ok {
		return 0
	}
	missing := 1 - bucket.TokensAt(t.now())
	return time.Duration(max(missing, 0) * float64(key.kind.allowance().every))
}

func (t *throttle) count(key bucketKey) {
	bucket, ok := t.buckets.Get(key)
	if !ok {
		a := key.kind.allowance()
		bucket = rate.NewLimiter(rate.Every(a.every), a.free)
		t.buckets.Add(key, bucket)
	}
	bucket.AllowN(t.now(), 1)
}

// guesses are the counters of a wrong password.
func guesses(from netip.Addr, name string, known bool) []bucketKey {
	network := networkOf(from)
	if !known {
		return []bucketKey{{guessesFrom, network, ""}}
	}
	return []bucketKey{{guessesFrom, network, ""}, {guessesAt, netip.Prefix{}, name}, {guessesBoth, network, name}}
}

// networkOf is what one client can choose its addresses from: a /64 of IPv6.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	// The error is that of the zero address, whose prefix is the zero one.
	network, _ := addr.Prefix(bits)
	return network
}
