package server

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// throttle limits the rate of password guesses. Wrong passwords are counted by
// client address, by user, and by both. Unknown names are counted alike, or the
// responses would reveal which names exist; in a table of their own, so that
// they evict no counter of a user. The same wrong password again is not a guess
// (see authentication).
//
// A user who has logged in from the same address before is not delayed, or an
// attacker could lock out users with whom he shares an address, as all do
// behind a proxy that is not trusted. But then a right guess of the attacker
// would pass among any number of wrong ones; so after hundreds of them such a
// user waits too.
//
// Each of several gateways counts for itself. Whoever guesses may ask them in turn,
// so a wrong password counts as many times as there are gateways: together they
// allow what one would. A gateway allows at least one, though.
type throttle struct {
	now      func() time.Time
	gateways func() int

	mu      sync.Mutex // guards what follows
	users   *buckets   // and addresses
	unknown *buckets   // names that do not exist
}

type buckets = lru.LRU[bucketKey, *rate.Limiter]

// bucketKey identifies a counter.
type bucketKey struct {
	kind bucketKind
	from netip.Prefix
	name string
	// unknown: there is no user of that name.
	unknown bool
}

type bucketKind int

const (
	guessesFrom bucketKind = iota // wrong passwords from an address
	guessesAt                     // for a user
	guessesBoth                   // from an address for a user
	attempts                      // the same, including those not checked
)

// allowance is the burst of a counter, and the interval of one more.
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

// throttleEntries bounds each table; the least recently used entry is evicted.
const throttleEntries = 8192

func newThrottle(now func() time.Time, gateways func() int) *throttle {
	table := func() *buckets {
		b, err := lru.NewLRU[bucketKey, *rate.Limiter](throttleEntries, nil)
		if err != nil {
			panic(err) // only for a size that is not positive
		}
		return b
	}
	return &throttle{now: now, gateways: gateways, users: table(), unknown: table()}
}

// attempt returns how long to wait before a password that is not cached is
// checked, 0 for now. known reports whether the name is somebody's.
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

// crowded returns how long a user who has logged in before must wait.
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
	missing := float64(t.cost(key)) - bucket.TokensAt(t.now())
	return time.Duration(max(missing, 0) * float64(key.kind.allowance().every))
}

func (t *throttle) count(key bucketKey) {
	bucket, ok := t.table(key).Get(key)
	if !ok {
		a := key.kind.allowance()
		bucket = rate.NewLimiter(rate.Every(a.every), a.free)
		t.table(key).Add(key, bucket)
	}
	if now, cost := t.now(), t.cost(key); !bucket.AllowN(now, cost) {
		bucket.AllowN(now, int(bucket.TokensAt(now))) // what is left
	}
}

// cost is what one wrong password takes of a counter.
func (t *throttle) cost(key bucketKey) int { return min(t.gateways(), key.kind.allowance().free) }

// guesses returns the counters of a wrong password.
func guesses(from netip.Addr, name string, known bool) []bucketKey {
	network := networkOf(from)
	return []bucketKey{
		{kind: guessesFrom, from: network},
		{kind: guessesAt, name: name, unknown: !known},
		{kind: guessesBoth, from: network, name: name, unknown: !known},
	}
}

// networkOf returns the network that one client can choose addresses from: a
// /64 of IPv6.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	// The error is that of the zero address, whose prefix is the zero one.
	network, _ := addr.Prefix(bits)
	return network
}
