package webdav

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// How many wrong passwords are free, and how often one more is after that.
// The same wrong password again is none (see authentication).
const (
	guessesOfPair    = 10 // one address, one user
	guessesOfAddress = 50 // one address, any user
	guessesOfName    = 200
	everyOfPair      = 10 * time.Second
	everyOfAddress   = 5 * time.Second
	everyOfName      = 5 * time.Second
	throttleEntries  = 8192
)

// throttle slows down whoever tries passwords. Wrong ones are counted by the
// address they come from, by the user they are tried on, and by both. Names
// that are nobody's are counted by address alone: no guess at them can come
// true, and they would only fill the table.
//
// The counters of address and user alone do not hold up somebody who has been
// let in from there before, or anybody could lock a user out.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	buckets *lru.LRU[bucketKey, *rate.Limiter]
}

// bucketKey is an address, a user, or both.
type bucketKey struct {
	from netip.Prefix
	name string
}

func newThrottle(now func() time.Time) *throttle {
	buckets, err := lru.NewLRU[bucketKey, *rate.Limiter](throttleEntries, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &throttle{now: now, buckets: buckets}
}

// wait tells how long an attempt must wait; 0 lets it pass.
func (t *throttle) wait(from netip.Addr, name string, known, letInBefore bool) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, key := range keys(from, name, known) {
		bucket, ok := t.buckets.Get(key)
		if !ok || letInBefore && !key.isPair() {
			continue
		}
		if missing := 1 - bucket.TokensAt(t.now()); missing > 0 {
			longest = max(longest, time.Duration(missing/float64(bucket.Limit())*float64(time.Second)))
		}
	}
	return longest
}

// failed counts a wrong password.
func (t *throttle) failed(from netip.Addr, name string, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys(from, name, known) {
		bucket, ok := t.buckets.Get(key)
		if !ok {
			bucket = key.bucket()
			t.buckets.Add(key, bucket)
		}
		bucket.AllowN(t.now(), 1)
	}
}

func keys(from netip.Addr, name string, known bool) []bucketKey {
	network := networkOf(from)
	if !known {
		return []bucketKey{{from: network}}
	}
	return []bucketKey{{from: network}, {name: name}, {from: network, name: name}}
}

func (k bucketKey) isPair() bool { return k.name != "" && k.from.IsValid() }

func (k bucketKey) bucket() *rate.Limiter {
	switch {
	case k.isPair():
		return rate.NewLimiter(rate.Every(everyOfPair), guessesOfPair)
	case k.name != "":
		return rate.NewLimiter(rate.Every(everyOfName), guessesOfName)
	default:
		return rate.NewLimiter(rate.Every(everyOfAddress), guessesOfAddress)
	}
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
