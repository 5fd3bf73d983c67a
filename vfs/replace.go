package vfs

import "context"

// replace does an operation that needs the name of something that is there.
func (c *core) replace(ctx context.Context, name string, do func() error) error {
	return do()
}
