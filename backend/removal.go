package backend

import "context"

// A RemoveChecker is a store in which a folder may hold what a listing does
// not show. Its Remove refuses such a folder with ErrNotEmpty, wherever below
// it that is, because nobody who removes a folder by what he sees of it wants
// to lose the rest.
type RemoveChecker interface {
	// CheckRemove reports by its error what Remove would refuse for that.
	CheckRemove(ctx context.Context, name string) error
}

// CheckRemove is for who will remove a folder as the last of several steps. It
// returns nil where the store shows all that it holds.
func CheckRemove(ctx context.Context, b Backend, name string) error {
	if c, ok := As[RemoveChecker](b); ok {
		return c.CheckRemove(ctx, name)
	}
	return nil
}
