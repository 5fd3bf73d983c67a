package lock

// A usage is how many locks, and placeholders that were moved or copied, there
// are, and the bytes of their paths and owner texts.
type usage struct{ count, bytes int }

func (u usage) plus(other usage) usage {
	return usage{u.count + other.count, u.bytes + other.bytes}
}

// within reports whether u is at most other in both.
func (u usage) within(other usage) bool { return u.count <= other.count && u.bytes <= other.bytes }

// count adds to what a principal has; what is taken away is negative.
func (t *Table) count(principal string, u usage) {
	t.total = t.total.plus(u)
	if own := t.used[principal].plus(u); own != (usage{}) {
		t.used[principal] = own
	} else {
		delete(t.used, principal)
	}
}

// room reports whether a principal may have so much more. Nobody gets more than
// half of what others have left, so that there is room for one more user however
// much each of them takes. Without authentication there is only one.
func (t *Table) room(principal string, more usage) bool {
	all := usage{t.opts.MaxLocks, maxBytes}
	if principal == "" {
		return t.total.plus(more).within(all)
	}
	own := t.used[principal]
	others := t.total.plus(own.negative())
	own = own.plus(more)
	return own.plus(own).plus(others).within(all)
}

func (l Lock) usage() usage { return usage{1, len(l.Root) + len(l.Owner)} }

func (u usage) negative() usage { return usage{-u.count, -u.bytes} }
