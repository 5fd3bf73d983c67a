package backend

import "context"

// A RemoveChecker is a store in which a folder may contain what a listing does
// not show. Its Remove refuses such a folder, at any depth, with ErrNotEmpty,
// because a caller that removes a folder by its listing would lose more.
type RemoveChecker interface {
	// CheckRemove returns the error with which Remove would refuse name.
	CheckRemove(ctx context.Context, name string) error
}

// CheckRemove returns the error with which Remove would refuse a folder, for
// callers that remove it as the last of several steps. It returns nil if b is
// not a RemoveChecker.
func CheckRemove(ctx context.Context, b Backend, name string) error {
	if c, ok := As[RemoveChecker](b); ok {
		return c.CheckRemove(ctx, name)
	}
	return nil
}
