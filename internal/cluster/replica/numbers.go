package replica

import "slices"

// numbers counts the proposals of a membership. Whoever gives one up, because its
// outcome is not known in time, must be able to say so: it could count at any
// time, and undo what was done since.
type numbers struct {
	last    uint64
	pending map[uint64]*pending
	void    []uint64 // given up while an earlier one was pending
}

// begin numbers a proposal, and tells in its entry which ones before it count no
// more once it does.
func (n *numbers) begin(entry *envelope) *pending {
	n.last++
	p := newPending()
	n.pending[n.last] = p
	entry.Number, entry.Floor, entry.Mark = n.last, n.last, p.mark
	for number := range n.pending {
		entry.Floor = min(entry.Floor, number)
	}
	n.void = slices.DeleteFunc(n.void, func(number uint64) bool { return number < entry.Floor })
	entry.Void = slices.Clone(n.void)
	return p
}

// isCopied reports whether an entry of this membership that was applied, or was
// void, has the number of a proposal that is pending or comes later, and is not it.
func (n *numbers) isCopied(entry envelope, void bool) bool {
	p := n.pending[entry.Number]
	return entry.Number > n.last || p != nil && (void || p.mark != entry.Mark)
}

// forget gives a proposal up, unless it is decided.
func (n *numbers) forget(number uint64) {
	if n.pending[number] != nil {
		delete(n.pending, number)
		n.void = append(n.void, number)
	}
}

// resolve tells the outcome of a proposal, if it is pending.
func (n *numbers) resolve(number, seq uint64, err error) {
	if p := n.pending[number]; p != nil {
		delete(n.pending, number)
		p.resolve(seq, err)
	}
}

// resolveAll tells the outcome of all proposals for which is is true.
func (n *numbers) resolveAll(err error, is func(number uint64) bool) {
	for number := range n.pending {
		if is(number) {
			n.resolve(number, 0, err)
		}
	}
}
