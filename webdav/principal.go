package webdav

import "context"

// A Principal is the user that a request is made by. Whatever authenticates
// users puts one into the context of the request; it is all that a [Handler]
// learns of them. A request without one sees everything.
type Principal struct {
	Name string // of whom a lock is; only he removes it
	// Root is the folder that the user sees as "/". Empty means everything. A
	// file system that follows links must have a method Confine(dir string)
	// (afero.Fs, error), as package vfs does, or a link in the folder leads the
	// user out of it.
	Root string
	// Within are the roots of other users that Root may lie in: a link that is
	// put in the place of Root is not followed out of them.
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
