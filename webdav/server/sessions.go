package server

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav"
)

const (
	sessionTime  = 30 * 24 * time.Hour // since it was last used
	sessionsKept = 4096
	endedKept    = 256       // the ends of sessions that a gateway remembers
	renewAfter   = time.Hour // of use
	// sessionWait is how long a browser waits for a sign-in or sign-out to be
	// known to all gateways, and renewWait for what it need not wait for.
	sessionWait = 10 * time.Second
	renewWait   = time.Second
	// maxLapsed is how many sessions one entry may end.
	maxLapsed = 256
	// unknownGateways is how many gateways are taken to check passwords while
	// this one has never heard of any.
	unknownGateways = 8
)

var (
	// errAway means that it is not known which sessions are valid.
	errAway = errors.New("this gateway cannot ask the others which sessions are valid")
	// errNoSession refuses to renew a session that has ended.
	errNoSession = errors.New("the session has ended")
)

// Sessions are the sign-ins of browsers, see [WithSignIn]. Those that [New] makes
// itself are in memory and end with its handler. Those of [OpenSessions] are valid
// at each gateway that shares the engine, and outlive the handlers. Sessions also
// know how many gateways check passwords, so that together they allow no more
// guesses than one.
//
// A session is kept by the digest of its cookie, and is bound to the user's secret
// by one that cannot be checked without the cookie. It ends by an entry of the log
// alone, but a gateway that finds its time over does not honor it before.
//
// The clock of a gateway may be wrong by any time. So no gateway ends a session for
// the others before it has itself counted the whole time since it learned of the
// last use, as a lock ends, and a renewal never shortens a session.
type Sessions struct {
	log    cluster.Log[sessionChange]
	member func() webdav.Member // nil: alone
	now    func() time.Time

	renewing atomic.Bool

	mu       sync.RWMutex // guards what follows
	open     map[string]*session
	gateways map[string]uint64 // that check passwords, and the epochs in which they do
	count    uint64            // of openings and renewals
	self     string            // the name of this gateway, once it has told it; not part of the state
	ended    []string          // the keys of those that were ended last; not part of the state
}

// session is one session, but for its key.
type session struct {
	user, proof string
	stamp       time.Time // when it ends, by the clock of whoever has opened or renewed it
	order       uint64    // by last use
	until       time.Time // when it ends by the clock of this gateway; not part of the state
	since       time.Time // when this gateway learned of the last use; not part of the state
}

// sessionChange is one change of the sessions.
type sessionChange struct {
	Op      string       `json:"op"`
	Key     string       `json:"key,omitempty"`
	User    string       `json:"user,omitempty"`
	Proof   string       `json:"proof,omitempty"`
	Expires time.Time    `json:"expires,omitzero"`
	Lapsed  []sessionEnd `json:"lapsed,omitempty"` // sessions whose time was over, unless they were renewed
	Gateway string       `json:"gateway,omitempty"`
	Epoch   uint64       `json:"epoch,omitempty"`
}

type sessionEnd struct {
	Key string    `json:"key"`
	At  time.Time `json:"at"` // its stamp
}

const (
	opOpen   = "open"
	opRenew  = "renew"
	opEnd    = "end"
	opChecks = "checks" // a gateway checks passwords
)

// OpenSessions returns the sessions that the gateways of an engine share. Like a
// handler they are opened before the engine is joined. member returns the current
// membership, nil without one: sessions are then neither begun nor honored, because
// they may have ended at another gateway without this one being asked.
func OpenSessions(e webdav.Engine, member func() webdav.Member) (*Sessions, error) {
	engine, ok := e.(cluster.Engine)
	if !ok {
		return nil, fmt.Errorf("a %T cannot keep what gateways share", e)
	}
	if member == nil {
		return nil, errors.New("a gateway among others needs a membership")
	}
	return openSessions(engine, member, time.Now)
}

func openSessions(e cluster.Engine, member func() webdav.Member, now func() time.Time) (*Sessions, error) {
	s := &Sessions{member: member, now: now}
	sessionMachine{s}.Reset()
	var err error
	s.log, err = cluster.Open(e, "sessions", journal.Config[sessionChange]{Format: "davdisk sessions 2", Machine: sessionMachine{s}})
	return s, err
}

// keyOf is what the log has of a cookie.
func keyOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// proofOf binds a session to what its user's password is checked by. Without the
// cookie, no password can be tried against it.
func proofOf(secret string, user *User) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d %s %s", len(user.Name), user.Name, user.Secret)
	return hex.EncodeToString(mac.Sum(nil))
}

// isCurrent reports whether nothing has ended elsewhere that is not known here.
// What was looked up before that is asked for was right when it was.
func (s *Sessions) isCurrent() bool { return s.member == nil || s.member() != nil }

// begin opens a session for a cookie, at all gateways, and ends what has lapsed.
func (s *Sessions) begin(ctx context.Context, secret string, user *User) error {
	if !s.isCurrent() {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, sessionWait)
	defer cancel()
	now := s.now()
	return s.forAll(ctx, sessionChange{
		Op: opOpen, Key: keyOf(secret), User: user.Name, Proof: proofOf(secret, user), Expires: now.Add(sessionTime), Lapsed: s.lapsed(now),
	})
}

// find returns the user whose session a cookie is, nil if there is none, or
// errAway. It renews the session.
func (s *Sessions) find(ctx context.Context, secret string, users map[string]*User) (*User, error) {
	key, now := keyOf(secret), s.now()
	found, ok := s.get(key)
	if !s.isCurrent() {
		return nil, errAway
	}
	user := users[found.user]
	if !ok || user == nil || !now.Before(found.until) || !hmac.Equal([]byte(found.proof), []byte(proofOf(secret, user))) {
		return nil, nil
	}
	if found.until.Sub(now) < sessionTime-renewAfter && errors.Is(s.renew(ctx, key, now), errNoSession) {
		return nil, nil
	}
	return user, nil
}

// renew prolongs a session, unless it cannot be at the moment.
func (s *Sessions) renew(ctx context.Context, key string, now time.Time) error {
	if !s.renewing.CompareAndSwap(false, true) {
		return nil
	}
	defer s.renewing.Store(false)
	ctx, cancel := context.WithTimeout(ctx, renewWait)
	defer cancel()
	_, err := s.log.Propose(ctx, sessionChange{Op: opRenew, Key: key, Expires: now.Add(sessionTime)}, journal.Options{})
	return err
}

// end ends the session of a cookie at all gateways. What is no session adds
// nothing to the log.
func (s *Sessions) end(ctx context.Context, secret string) error {
	key := keyOf(secret)
	_, known := s.get(key)
	if !s.isCurrent() {
		return errAway
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sessionWait)
	defer cancel()
	if !known && !s.hasEnded(key) {
		return nil
	}
	return s.forAll(ctx, sessionChange{Op: opEnd, Key: key})
}

// hasEnded reports whether a session is among those that were ended last: others
// may not know yet.
func (s *Sessions) hasEnded(key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Contains(s.ended, key)
}

// forAll proposes a change and returns when all gateways have applied it.
func (s *Sessions) forAll(ctx context.Context, c sessionChange) error {
	seq, err := s.log.Propose(ctx, c, journal.Options{})
	if err != nil {
		return err
	}
	return s.log.AppliedByAll(ctx, seq)
}

func (s *Sessions) get(key string) (session, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if found := s.open[key]; found != nil {
		return *found, true
	}
	return session{}, false
}

// lapsed lists sessions whose time has passed here since their last use.
func (s *Sessions) lapsed(now time.Time) (all []sessionEnd) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for key, one := range s.open {
		if now.Sub(one.since) >= sessionTime && len(all) < maxLapsed {
			all = append(all, sessionEnd{key, one.stamp})
		}
	}
	return all
}

// checksPasswords tells the others, once in a membership, that this gateway checks
// passwords, and returns when all of them count it.
func (s *Sessions) checksPasswords(ctx context.Context) {
	if s.member == nil {
		return
	}
	m := s.member()
	if m == nil {
		return
	}
	s.mu.Lock()
	s.self = m.Gateway()
	counted := s.gateways[s.self] == m.Epoch()
	s.mu.Unlock()
	if counted {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, renewWait)
	defer cancel()
	// If it fails this gateway counts itself, and tells the others the next time.
	_ = s.forAll(ctx, sessionChange{Op: opChecks, Gateway: m.Gateway(), Epoch: m.Epoch()})
}

// checkers is how many gateways check passwords, as far as this one knows: after
// its membership was lost, those that it knew last.
func (s *Sessions) checkers() int {
	if s.member == nil {
		return 1
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := len(s.gateways)
	if _, counted := s.gateways[s.self]; !counted {
		if n == 0 && s.self == "" {
			return unknownGateways
		}
		n++
	}
	return n
}

// sessionMachine is the sessions as their log sees them.
type sessionMachine struct{ *Sessions }

// Apply implements journal.Machine. It uses the clock for nothing that is a part
// of the state.
func (m sessionMachine) Apply(c sessionChange) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch c.Op {
	case opOpen:
		for _, end := range c.Lapsed {
			if one := m.open[end.Key]; one != nil && one.stamp.Equal(end.At) {
				delete(m.open, end.Key)
			}
		}
		m.makeRoom(c.User)
		m.open[c.Key] = &session{user: c.User, proof: c.Proof}
		m.use(m.open[c.Key], c.Expires)
	case opRenew:
		one := m.open[c.Key]
		if one == nil {
			return errNoSession
		}
		m.use(one, c.Expires)
	case opEnd:
		if m.open[c.Key] != nil {
			delete(m.open, c.Key)
			m.ended = append(m.ended[max(0, len(m.ended)-endedKept+1):], c.Key)
		}
	case opChecks:
		m.gateways[c.Gateway] = max(m.gateways[c.Gateway], c.Epoch)
	default:
		return fmt.Errorf("%w: change %q", journal.ErrEntry, c.Op)
	}
	return nil
}

// use notes the use of a session, by the clock of another gateway, which may be
// behind or ahead: it takes no time away, and here the session ends no later than if
// it were used now.
func (s *Sessions) use(one *session, stamp time.Time) {
	s.count++
	if one.stamp.After(stamp) {
		stamp = one.stamp
	}
	one.order, one.stamp, one.until, one.since = s.count, stamp, stamp, s.now()
	if latest := one.since.Add(sessionTime); one.until.After(latest) {
		one.until = latest
	}
}

// makeRoom ends a session if there are too many for one more of a user: of those who
// have the most, the one that was not used for the longest time.
func (s *Sessions) makeRoom(user string) {
	if len(s.open) < sessionsKept {
		return
	}
	has := map[string]int{user: 1}
	for _, one := range s.open {
		has[one.user]++
	}
	most := slices.Max(slices.Collect(maps.Values(has)))
	for _, key := range s.byUse() {
		if has[s.open[key].user] == most {
			delete(s.open, key)
			return
		}
	}
}

// byUse returns the keys in the order of their last use.
func (s *Sessions) byUse() []string {
	return slices.SortedFunc(maps.Keys(s.open), func(a, b string) int { return cmp.Compare(s.open[a].order, s.open[b].order) })
}

// Snapshot implements journal.Machine.
func (m sessionMachine) Snapshot() iter.Seq[sessionChange] {
	return func(yield func(sessionChange) bool) {
		for _, key := range m.byUse() {
			one := m.open[key]
			if !yield(sessionChange{Op: opOpen, Key: key, User: one.user, Proof: one.proof, Expires: one.stamp}) {
				return
			}
		}
		for _, gateway := range slices.Sorted(maps.Keys(m.gateways)) {
			if !yield(sessionChange{Op: opChecks, Gateway: gateway, Epoch: m.gateways[gateway]}) {
				return
			}
		}
	}
}

// Reset implements cluster.Resetter.
func (m sessionMachine) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open, m.gateways, m.count = map[string]*session{}, map[string]uint64{}, 0
}

// Expelled implements cluster.Expeller: whoever is no member is not counted.
func (m sessionMachine) Expelled(gateway string, epoch uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gateways[gateway] <= epoch {
		delete(m.gateways, gateway)
	}
}
