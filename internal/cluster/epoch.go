package cluster

import "context"

// epochKey is the key of an epoch in a context.
type epochKey struct{}

// WithEpoch returns a context for a request that was begun in a membership: what it has
// found out, and kept from others, does not count in a later one.
func WithEpoch(ctx context.Context, epoch uint64) context.Context {
	return context.WithValue(ctx, epochKey{}, epoch)
}

// EpochOf returns the epoch of WithEpoch, and reports whether there is one.
func EpochOf(ctx context.Context) (epoch uint64, ok bool) {
	epoch, ok = ctx.Value(epochKey{}).(uint64)
	return epoch, ok
}
