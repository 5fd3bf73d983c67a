package yandex

import (
	"context"
	"io/fs"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
)

// Move implements backend.Backend.
func (b *Backend) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := checkPair("move", from, to); err != nil {
		return err
	}
	if from == to { // what the service does then nobody knows
		_, err := b.look(ctx, from)
		return linkError("move", from, to, err)
	}
	unlock, err := b.lock(ctx, from, to)
	if err != nil {
		return linkError("move", from, to, err)
	}
	defer unlock()
	err = b.transfer(ctx, moveResource, from, to, opts.Overwrite)
	if err == nil {
		b.times.moved(from, to)
		b.sight.copied(b.path(from), b.path(to))
		b.sight.vanished(b.path(from))
	}
	return linkError("move", from, to, err)
}

// Copy implements backend.Copier.
func (b *Backend) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if err := checkPair("copy", from, to); err != nil {
		return err
	}
	if from == to {
		return backend.LinkError("copy", from, to, fs.ErrInvalid, "onto itself")
	}
	unlock, err := b.lock(ctx, from, to)
	if err != nil {
		return linkError("copy", from, to, err)
	}
	defer unlock()
	err = b.transfer(ctx, copyResource, from, to, opts.Overwrite)
	if err == nil {
		b.times.copied(from, to)
		b.sight.copied(b.path(from), b.path(to))
	}
	return linkError("copy", from, to, err)
}

func checkPair(op, from, to string) error {
	for _, name := range []string{from, to} {
		if err := checkName(op, name); err != nil {
			return err
		}
		if name == "." {
			return backend.LinkError(op, from, to, fs.ErrInvalid, "the root stays where it is")
		}
	}
	if from != to && backend.Within(to, from) {
		return backend.LinkError(op, from, to, fs.ErrInvalid, "a folder cannot be put below itself")
	}
	return nil
}

// transfer copies or moves. Whether the service replaces a folder that is
// overwritten or merges into it nobody documents, so it is told to overwrite
// only when both sides are files, by a look of a moment ago or by one made
// now.
func (b *Backend) transfer(ctx context.Context, c call, from, to string, overwrite bool) error {
	if overwrite && b.freshFile(from) && b.freshFile(to) {
		return b.send(ctx, c, from, to, true)
	}
	err := b.send(ctx, c, from, to, false)
	if !overwrite || !is(err, fs.ErrExist) {
		return err
	}
	source, target, looking := b.lookBoth(ctx, from, to)
	switch {
	case looking != nil:
		return looking
	case target == nil:
		return b.send(ctx, c, from, to, false) // gone meanwhile
	case source.Type != "file" || target.Type != "file":
		return err
	}
	return b.send(ctx, c, from, to, true)
}

// freshFile tells whether a name was a file a moment ago.
func (b *Backend) freshFile(name string) bool {
	v, ok := b.sight.fresh(b.path(name))
	return ok && !v.dir
}

// lookBoth looks at both sides at once. The target is nil if it is not there.
func (b *Backend) lookBoth(ctx context.Context, from, to string) (source, target *resource, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		source, err = b.look(ctx, from)
		return err
	})
	g.Go(func() (err error) {
		target, err = b.look(ctx, to)
		if hasCode(err, "DiskNotFoundError") {
			return nil
		}
		return err
	})
	return source, target, g.Wait()
}

// send is one copy or move, followed to its end.
func (b *Backend) send(ctx context.Context, c call, from, to string, overwrite bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := issued(ctx)
	defer cancel()
	query := url.Values{"from": {b.path(from)}, "path": {b.path(to)}, "fields": {"href"}}
	if overwrite {
		query.Set("overwrite", "true")
	}
	var next link
	r, err := b.api.do(ctx, request{call: c, query: query, out: &next})
	if err == nil {
		return b.finish(ctx, r, next)
	}
	return err
}
