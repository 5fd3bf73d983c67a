package backend

import (
	"context"
	"slices"
)

// A Confiner is a store with links, whose methods follow no link out of the
// folders that [Confine] has put into the context: the target of such a link is
// not listed, and is fs.ErrPermission or fs.ErrNotExist. What a caller sees
// under a name then depends on the context. A store without links need not be
// one.
type Confiner interface {
	// Confines reports whether the store holds links.
	Confines() bool
}

type confinementKey struct{}

// Confine returns a context whose operations must not leave dir by a link.
// Their names are at or below dir. Confining again narrows: the inner folder is
// itself resolved within the outer one.
func Confine(ctx context.Context, dir string) context.Context {
	return WithConfinement(ctx, append(slices.Clip(Confinement(ctx)), dir))
}

// WithConfinement returns a context confined to dirs, which replace the
// confinement of ctx: for work that outlives the request that began it.
func WithConfinement(ctx context.Context, dirs []string) context.Context {
	return context.WithValue(ctx, confinementKey{}, dirs)
}

// Confinement returns the folders that ctx is confined to, outermost first.
func Confinement(ctx context.Context) []string {
	dirs, _ := ctx.Value(confinementKey{}).([]string)
	return dirs
}

// IsConfined reports whether the caller's view of b may differ from that of
// others.
func IsConfined(ctx context.Context, b Backend) bool {
	if len(Confinement(ctx)) == 0 {
		return false
	}
	c, ok := As[Confiner](b)
	return ok && c.Confines()
}
