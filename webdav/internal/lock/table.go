package lock

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// Limits of a Table unless Options say otherwise.
const (
	DefaultMaxTimeout = time.Hour
	DefaultMaxLocks   = 10_000
)

// maxBytes limits the paths and owner texts of all locks together: 10,000 of
// usual length fit, and long ones cannot fill the memory.
const maxBytes = 4 << 20

// Options of a Table; the zero value is ready for use.
type Options struct {
	Now        func() time.Time // nil: time.Now
	Random     io.Reader        // nil: crypto/rand
	MaxTimeout time.Duration    // 0: DefaultMaxTimeout
	MaxLocks   int              // 0: DefaultMaxLocks
	MaxWait    time.Duration    // of Reserve; 0: DefaultMaxWait

	// Engine, if not nil, keeps the locks in a log that gateways share, and not
	// in a folder. Member is then the membership of this gateway, nil without
	// one.
	Engine cluster.Engine
	Member func() Member
	// OnChange, if not nil, is called on every gateway with what a request to
	// any of them has changed, in the order of the log. It must return soon.
	OnChange func(Changed)
}

// A Member is the membership of a gateway among those that share a log.
type Member interface {
	Gateway() string
	Epoch() uint64
}

// A Table holds the locks of one tree of paths. A method that changes it checks
// the current state and proposes the change to the log; apply checks again,
// because other changes may come first.
type Table struct {
	opts     Options
	log      cluster.Log[change]
	shared   bool // with other gateways
	reserved reservations

	lapsing   atomic.Bool     // a reader waits for what has expired to end
	closing   context.Context // ends with Close
	close     context.CancelFunc
	abandoned sync.WaitGroup

	mu    sync.RWMutex // guards what follows; written only by apply
	tree  pathtree.Tree[*entry]
	roots map[string]string // token to root
	used  map[string]usage  // by principal
	total usage             // of all of them
	next  time.Time         // no lock or placeholder ends before
}

// entry is the state of one locked path.
type entry struct {
	locks       []Lock
	placeholder *Placeholder
}

// Open returns the table kept in the folder dir, or an empty one in memory if
// dir is "".
func Open(dir string, opts Options) (*Table, error) {
	opts.MaxTimeout = cmp.Or(opts.MaxTimeout, DefaultMaxTimeout)
	opts.MaxLocks = cmp.Or(opts.MaxLocks, DefaultMaxLocks)
	opts.MaxWait = cmp.Or(opts.MaxWait, DefaultMaxWait)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	t := &Table{opts: opts, shared: opts.Engine != nil, reserved: reservations{now: opts.Now}}
	t.closing, t.close = context.WithCancel(context.Background())
	machine := machine{t}
	machine.Reset()
	config := journal.Config[change]{Format: "davdisk locks 5", Machine: machine, Transient: change.isTransient}
	engine := opts.Engine
	if !t.shared {
		config.Format = "davdisk locks 2" // which lacks what only gateways have among them
		engine = cluster.Lone(dir)
		if dir != "" {
			config.Import = journal.EarlierLog(filepath.Join(dir, "locks"), "davdisk locks 1", decodeEarlier)
		}
	}
	log, err := cluster.Open(engine, "locks", config)
	if err != nil {
		return nil, err
	}
	t.log = log
	now := opts.Now()
	if err := errors.Join(t.expire(context.Background(), now), t.clamp(now)); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return t, nil
}

// clamp shortens what would last longer than if it were made now: the clock was
// ahead when it was.
func (t *Table) clamp(now time.Time) error {
	if now.IsZero() { // the clock of a LockSystem before its first call
		return nil
	}
	var changes []change
	for at, e := range t.tree.Below("/") {
		for _, l := range e.locks {
			if latest := now.Add(min(l.Timeout, t.opts.MaxTimeout)); l.Expires.After(latest) {
				l.Expires = latest
				changes = append(changes, change{Op: opRefresh, Lock: &l})
			}
		}
		if p := e.placeholder; p != nil && p.Until.After(now.Add(movedLifetime)) {
			shorter := *p
			shorter.Until = now.Add(movedLifetime)
			changes = append(changes, change{Op: opLoose, Path: at, Placeholder: &shorter})
		}
	}
	for _, c := range changes {
		if err := t.propose(c); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the table's file; the locks stay in it.
func (t *Table) Close() error {
	t.close()
	t.abandoned.Wait()
	t.reserved.stop()
	return t.log.Close()
}

// Create makes a lock. It fails with a *ConflictError or ErrTooMany. A second
// shared lock on a placeholder keeps the placeholder.
func (t *Table) Create(r Request) (Lock, error) {
	c, err := t.creating(r)
	if err != nil {
		return Lock{}, err
	}
	return *c.Lock, t.propose(c)
}

// creating returns the change that makes a lock.
func (t *Table) creating(r Request) (change, error) {
	now := t.opts.Now()
	if err := t.expire(context.Background(), now); err != nil {
		return change{}, err
	}
	token, err := newToken(t.opts.Random)
	if err != nil {
		return change{}, err
	}
	timeout := t.granted(r.Timeout)
	l := Lock{
		Token: token, Root: pathtree.Clean(r.Root), Infinite: r.Infinite, Shared: r.Shared, Owner: r.Owner,
		Principal: r.Principal, Timeout: timeout, Expires: now.Add(timeout),
	}
	c := change{Op: opCreate, Lock: &l}
	if r.Missing {
		etag, err := newETag(t.opts.Random)
		if err != nil {
			return change{}, err
		}
		c.Placeholder = &Placeholder{Created: now, ETag: etag} // unless there is one
	}
	return c, t.mayCreate(l)
}

// mayCreate keeps refused changes out of the log, and bounds the table: it can
// be exceeded by at most the number of concurrent requests.
func (t *Table) mayCreate(l Lock) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if err := t.conflicts(l); err != nil {
		return err
	}
	if !t.room(l.Principal, l.usage()) {
		return ErrTooMany
	}
	return nil
}

// Refresh restarts a lock with a new timeout (section 9.10.2), or if timeout is
// 0 with the one it has. The lock must cover the path, else ErrNoLock, and
// belong to the principal, else ErrNotOwner.
func (t *Table) Refresh(name, principal, token string, timeout time.Duration) (Lock, error) {
	l, err := t.own(name, principal, token)
	if err != nil {
		return Lock{}, err
	}
	l.Timeout = t.granted(cmp.Or(timeout, l.Timeout))
	l.Expires, l.stamp = t.opts.Now().Add(l.Timeout), time.Time{}
	return l, t.propose(change{Op: opRefresh, Lock: &l})
}

// Unlock ends a lock (section 9.11), by the path of anything that it covers.
// It fails with ErrNoLock or ErrNotOwner. A placeholder is dropped with the
// last lock on it.
func (t *Table) Unlock(name, principal, token string) error {
	l, err := t.own(name, principal, token)
	if err != nil {
		return err
	}
	return t.propose(change{Op: opUnlock, Token: l.Token})
}

// any reports whether there is anything at a path or below it.
func (t *Table) any(name string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for range t.tree.Below(name) {
		return true
	}
	return false
}

// mayCopy reports whether there is room for the copies of placeholders.
func (t *Table) mayCopy(principal, from, to string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var more usage
	for at, e := range t.tree.Below(from) {
		if e.placeholder != nil {
			more = more.plus(usage{1, len(to) + len(at) - len(from)})
		}
	}
	return more.count == 0 || t.room(principal, more)
}

// Covering lists the locks that cover a path, its own and those of infinite
// depth above it: what lockdiscovery shows.
func (t *Table) Covering(name string) []Lock {
	t.lapse()
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.tree.Len() == 0 {
		return nil
	}
	return t.covering(pathtree.Clean(name), t.opts.Now())
}

// Below lists the locks rooted at a path or below it, by root.
func (t *Table) Below(name string) []Lock {
	t.lapse()
	t.mu.RLock()
	defer t.mu.RUnlock()
	now := t.opts.Now()
	var locks []Lock
	for _, e := range t.tree.Below(name) {
		locks = append(locks, t.live(e, now)...)
	}
	return locks
}

// Placeholder reports whether a path exists only as a placeholder.
func (t *Table) Placeholder(name string) (Placeholder, bool) {
	t.lapse()
	t.mu.RLock()
	defer t.mu.RUnlock()
	if e, ok := t.tree.Get(name); ok && t.hasPlaceholder(e, t.opts.Now()) {
		return *e.placeholder, true
	}
	return Placeholder{}, false
}

// PlaceholdersIn returns the placeholders directly in a folder by base name.
func (t *Table) PlaceholdersIn(folder string) map[string]Placeholder {
	t.lapse()
	t.mu.RLock()
	defer t.mu.RUnlock()
	now := t.opts.Now()
	found := map[string]Placeholder{}
	for name, e := range t.tree.In(folder) {
		if t.hasPlaceholder(e, now) {
			found[name] = *e.placeholder
		}
	}
	return found
}

// HasPlaceholders reports whether there are any at a path or below it.
func (t *Table) HasPlaceholders(name string) bool {
	t.lapse()
	t.mu.RLock()
	defer t.mu.RUnlock()
	now := t.opts.Now()
	for _, e := range t.tree.Below(name) {
		if t.hasPlaceholder(e, now) {
			return true
		}
	}
	return false
}

// Len is the number of locks held at the moment, ended ones included until
// the next change.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.roots)
}

// own returns a lock that covers a path and belongs to a principal. That there is
// none is certain: nothing has merely expired by the clock of one gateway.
func (t *Table) own(name, principal, token string) (Lock, error) {
	if t.shared {
		if err := t.expire(context.Background(), t.opts.Now()); err != nil {
			return Lock{}, err
		}
	}
	for _, l := range t.Covering(name) {
		if l.Token != token {
			continue
		}
		if l.Principal != principal {
			return Lock{}, ErrNotOwner
		}
		return l, nil
	}
	return Lock{}, ErrNoLock
}

func (t *Table) covering(name string, now time.Time) []Lock {
	var locks []Lock
	for root, e := range t.tree.Above(name) {
		for _, l := range t.live(e, now) {
			if l.Infinite || root == name {
				locks = append(locks, l)
			}
		}
	}
	return locks
}

// conflicts checks a new lock by the table of section 6.2: exclusive is compatible
// with none, shared with shared. Expired locks must have been dropped before.
func (t *Table) conflicts(l Lock) error {
	var roots []string
	for at, e := range t.tree.Above(l.Root) {
		for _, held := range e.locks {
			if (held.Infinite || at == l.Root) && !(held.Shared && l.Shared) {
				roots = append(roots, at)
			}
		}
	}
	if l.Infinite {
		for at, e := range t.tree.Below(l.Root) {
			for _, held := range e.locks {
				if at != l.Root && !(held.Shared && l.Shared) {
					roots = append(roots, at)
				}
			}
		}
	}
	return conflict(roots)
}

func (t *Table) granted(timeout time.Duration) time.Duration {
	if timeout <= 0 {
		return t.opts.MaxTimeout
	}
	return max(min(timeout, t.opts.MaxTimeout), time.Second)
}

func conflict(roots []string) error {
	if len(roots) == 0 {
		return nil
	}
	slices.Sort(roots)
	return &ConflictError{Roots: slices.Compact(roots)}
}

func parent(name string) string { return path.Dir(name) }
