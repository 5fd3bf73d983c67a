package backend

import "context"

type (
	clientKey struct{}
	firstKey  struct{}
)

// WithClient returns a context for calls on behalf of a client: a user, or an
// address. A store that limits its rate lets clients take turns, so that one
// with many requests does not delay the others. Calls without a client are those
// of one more.
func WithClient(ctx context.Context, client string) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

// ClientFromContext returns the client of [WithClient], or "".
func ClientFromContext(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}

// First returns a context for calls that go before those of all clients where the
// rate is limited, though no faster than it: few, and others depend on them.
func First(ctx context.Context) context.Context {
	return context.WithValue(ctx, firstKey{}, true)
}

// IsFirst reports whether the context is one of [First].
func IsFirst(ctx context.Context) bool {
	first, _ := ctx.Value(firstKey{}).(bool)
	return first
}
