package webdav

import "context"

// A Principal is the user that a request is made by. Whatever authenticates
// users puts one into the context of the request; it is all that a [Handler]
// learns of them. A request without one sees everything.
type Principal struct {
	Name string // of whom a lock is; only he removes it
	// Root is the folder that the user sees as "/". Empty means everything.
	Root string
	// ReadOnly refuses the user every change with 403.
	ReadOnly bool
}

type principalKey struct{}

// ContextWithPrincipal returns a context that carries p.
func ContextWithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFromContext returns the principal that ctx carries, and whether
// there is one.
func PrincipalFromContext(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}
