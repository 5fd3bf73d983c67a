package replica

// CopyOf makes the engine, which follows the log, what other becomes when its
// machine is copied while it runs.
func (e *Engine) CopyOf(other *Engine) {
	other.mu.Lock()
	gateway, process, attempt, epoch, last := other.self.Gateway, other.self.Process, other.attempt, other.member.epoch, other.member.numbers.last
	other.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.self.Gateway, e.self.Process, e.attempt, e.wasMember = gateway, process, attempt, true
	e.member = newMember(e)
	e.member.epoch, e.member.numbers.last = epoch, last
}

// Member returns the current membership.
func (e *Engine) Member() interface{ Lost() <-chan struct{} } {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.member
}

// Pending returns how many proposals have no outcome.
func (e *Engine) Pending() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.member.numbers.pending)
}
