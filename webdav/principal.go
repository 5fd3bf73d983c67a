package webdav

import "context"

// A Principal is the user that makes a request. An authenticating handler puts
// one into the context of the request; a [Handler] knows users by nothing else.
// A request without one sees everything.
type Principal struct {
	Name string // the owner of a lock; nobody else can remove it
	// Root is the folder that the user sees as "/". Empty means everything. A
	// file system that follows links must have a method Confine(dir string)
	// (afero.Fs, error), as package vfs does, or a link in the folder leads the
	// user out of it.
	Root string
	// Within are the roots of other users that may contain Root: a link put in
	// the place of Root is not followed out of them.
	Within []string
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
