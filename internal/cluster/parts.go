package cluster

import (
	"context"
	"errors"
)

// A Part is an entry of one log, to be proposed together with those of others.
type Part struct {
	alone  func(context.Context) (uint64, error) // proposes it to a journal
	shared Shared                                // or this is its log
	data   Data
	err    error
}

// ProposeAll proposes entries of several logs of one engine as one. They are
// applied in turn, with none of others between them, until one is refused, whose
// error is returned: what may be refused comes first. On an engine that gateways
// share they are one entry of the log, there as a whole or not at all, and seq is
// its number. A lone gateway appends them to its journals in turn, so that a
// crash may leave the first of them alone; seq is the number of the last.
func ProposeAll(ctx context.Context, parts ...Part) (seq uint64, err error) {
	var shared Shared
	var entries []Data
	for _, p := range parts {
		switch {
		case p.err != nil:
			return 0, p.err
		case p.shared == nil:
			if seq, err = p.alone(ctx); err != nil {
				return seq, err
			}
		case shared != nil && shared != p.shared:
			return 0, errors.New("entries of different engines cannot be one")
		default:
			shared = p.shared
			entries = append(entries, p.data)
		}
	}
	if shared == nil {
		return seq, nil
	}
	return shared.Propose(ctx, entries)
}
