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
// that are nobody's are counted alike, or their answers would tell which names
// are somebody's; in a table of their own, where they push out nobody's count.
// The same wrong password again is no guess (see authentication).
//
// Somebody who has been let in from the same address before is not held up by
// that, or strangers could lock a user out who shares an address with them, as
// all do behind a proxy that nobody has called trusted. But then a stranger's
// right guess would pass among any number of wrong ones; so when they come in
// hundreds, he waits too.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	users   *buckets   // and addresses
	unknown *buckets   // names that are nobody's
}

type buckets = lru.LRU[bucketKey, *rate.Limiter]

// bucketKey is what is counted, and for whom.
type bucketKey struct {
	kind bucketKind
	from netip.Prefix
	name string
	// unknown: the name is nobody's.
	unknown bool
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

// throttleEntries bounds each table; what has not been asked for longest goes.
const throttleEntries = 8192

func newThrottle(now func() time.Time) *throttle {
	table := func() *buckets {
		b, err := lru.NewLRU[bucketKey, *rate.Limiter](throttleEntries, nil)
		if err != nil {
			panic(err) // only for a size that is not positive
		}
		return b
	}
	return &throttle{now: now, users: table(), unknown: table()}
}

// attempt tells how long a password that is not known yet must wait; 0 lets it
// be looked at. known reports whether the name is somebody's.
func (t *throttle) attempt(from netip.Addr, name string, known bool) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, key := range guesses(from, name, known) {
		longest = max(longest, t.wait(key))
	}
	if longest > 0 {
		t.count(bucketKey{attempts, networkOf(from), name, !known})
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
	return t.wait(bucketKey{kind: attempts, from: networkOf(from), name: name})
}

// table is where a key is counted.
func (t *throttle) table(key bucketKey) *buckets {
	if key.unknown {
		return t.unknown
	}
	return t.users
}

func (t *throttle) wait(key bucketKey) time.Duration {
	bucket, ok := t.table(key).Get(key)
	if !ok {
		return 0
	}
	missing := 1 - bucket.TokensAt(t.now())
	return time.Duration(max(missing, 0) * float64(key.kind.allowance().every))
}

func (t *throttle) count(key bucketKey) {
	bucket, ok := t.table(key).Get(key)
	if !ok {
		a := key.kind.allowance()
		bucket = rate.NewLimiter(rate.Every(a.every), a.free)
		t.table(key).Add(key, bucket)
	}
	bucket.AllowN(t.now(), 1)
}

// guesses are the counters of a wrong password.
func guesses(from netip.Addr, name string, known bool) []bucketKey {
	network := networkOf(from)
	return []bucketKey{
		{kind: guessesFrom, from: network},
		{kind: guessesAt, name: name, unknown: !known},
		{kind: guessesBoth, from: network, name: name, unknown: !known},
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
