package replica

import (
	"sync"
	"time"
)

// member implements cluster.Member.
type member struct {
	gateway string
	lease   time.Duration
	clock   Clock
	life    int      // of the log that it is a member in
	joined  *pending // the entry that makes it one

	// Guarded by Engine.mu.
	epoch   uint64 // 0 before it has joined; set before anybody gets the member
	numbers numbers
	beat    Reading // when the last beat was due

	mu   sync.Mutex // guards what follows
	sent Reading    // when the last entry that counts as a beat was sent
	over bool
	lost chan struct{} // closed with over
}

func newMember(e *Engine) *member {
	now := e.cfg.Clock.Now()
	return &member{
		gateway: e.self.Gateway, lease: e.cfg.Lease, clock: e.cfg.Clock, life: e.life, joined: newPending(),
		numbers: numbers{pending: map[uint64]*pending{}}, beat: now, sent: now, lost: make(chan struct{}),
	}
}

func (m *member) Gateway() string { return m.gateway }

func (m *member) Epoch() uint64 { return m.epoch }

func (m *member) Lost() <-chan struct{} { return m.lost }

// Remaining implements cluster.Member. The member ends a margin before the others
// expel it: clocks run at slightly different rates, and an answer takes time to
// be sent.
func (m *member) Remaining() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remaining()
}

// remaining is Remaining; mu is held. A membership that was over once stays so.
func (m *member) remaining() time.Duration {
	if m.over {
		return 0
	}
	left := m.lease - m.lease/6 - m.clock.Now().most(m.sent)
	if left <= 0 {
		m.over = true
		close(m.lost)
		return 0
	}
	return left
}

// extend prolongs the membership from when an entry was sent that counts.
func (m *member) extend(sent Reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.remaining() > 0 && sent.Awake > m.sent.Awake {
		m.sent = sent
	}
}

// end ends the membership.
func (m *member) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.over {
		m.over = true
		close(m.lost)
	}
}
