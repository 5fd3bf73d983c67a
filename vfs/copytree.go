package vfs

import (
	"context"
	"errors"
	"path"

	"github.com/davdisk/davdisk/backend"
)

// copyTree copies a folder in a store that cannot copy folders itself. The copy
// is made under a hidden name, so that it becomes visible only when complete.
func (c *core) copyTree(ctx context.Context, from, to string) error {
	if c.journal.shares() {
		return c.stage(ctx, to, func(hidden string) error {
			return c.copyInto(ctx, from, hidden)
		}, func(hidden string) error {
			return c.b.Move(ctx, hidden, to, backend.MoveOptions{})
		})
	}
	e := newIntent(ctx, discarding, "", "", to)
	if err := c.journal.begin(e); err != nil {
		return err
	}
	defer c.release(e)
	err := c.copyInto(ctx, from, e.Hidden)
	if err == nil {
		err = c.b.Move(ctx, e.Hidden, to, backend.MoveOptions{})
	}
	if err == nil {
		c.meta.Removed(e.Hidden) // may have been listed
		return c.journal.done(e)
	}
	if err := c.discard(context.WithoutCancel(ctx), e); err != nil {
		c.opts.log.Warn("cannot remove an incomplete copy; it is hidden and will be removed later", "hidden", e.Hidden, "error", err)
	}
	return err
}

func (c *core) copyInto(ctx context.Context, from, to string) error {
	if _, err := c.mkdirLike(ctx, from, to); err != nil {
		return err
	}
	_, children, err := c.b.List(ctx, from)
	if err != nil {
		return err
	}
	for info, err := range children {
		if err != nil {
			return err
		}
		source, target := path.Join(from, info.Name), path.Join(to, info.Name)
		switch {
		case c.isHidden(source):
		case info.Dir:
			err = c.copyInto(ctx, source, target)
		default:
			err = backend.Copy(ctx, c.b, source, target, backend.CopyOptions{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mkdirLike makes a folder with the properties of another, and returns them; nil
// if the store has no properties.
func (c *core) mkdirLike(ctx context.Context, from, to string) (map[string]string, error) {
	if err := c.b.Mkdir(ctx, to); err != nil {
		return nil, err
	}
	props, err := backend.Properties(ctx, c.b, from)
	if err == nil && len(props) > 0 {
		err = backend.SetProperties(ctx, c.b, to, props, nil)
	}
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return props, nil
	}
	return nil, errors.Join(err, c.b.Remove(context.WithoutCancel(ctx), to, backend.RemoveOptions{IfEmpty: true}))
}
