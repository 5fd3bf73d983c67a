package yandex

import (
	"context"
	"errors"
	"io/fs"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Move implements backend.Backend.
func (b *Backend) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := checkPair("move", from, to); err != nil {
		return err
	}
	if from == to { // the behavior of the service is not documented
		_, err := b.look(ctx, from)
		return linkError("move", from, to, err)
	}
	change := lostChange{Call: api.MoveResource, From: from, To: to}
	unlock, err := b.lockToPut(ctx, func(ctx context.Context) error {
		if opts.Back {
			return b.lost.settleUndo(ctx, to)
		}
		return b.lost.settle(ctx, to, change)
	}, from, to)
	if err != nil {
		return linkError("move", from, to, err)
	}
	defer unlock()
	b.lost.taking(from, change)
	left := b.leftovers.within(from)
	err = b.transfer(ctx, api.MoveResource, from, to, opts)
	if err == nil {
		b.lost.used(from)
		b.times.moved(from, to)
		b.leftovers.moved(from, to, left)
		b.recent.copied(from, to)
		b.recent.removed(from)
	} else {
		b.recent.invalidate(from)
		b.recent.invalidate(to)
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
	unlock, err := b.lockToPut(ctx, func(ctx context.Context) error {
		return b.lost.settle(ctx, to, lostChange{Call: api.CopyResource, From: from, To: to})
	}, from, to)
	if err != nil {
		return linkError("copy", from, to, err)
	}
	defer unlock()
	left := b.leftovers.within(from)
	err = b.transfer(ctx, api.CopyResource, from, to, backend.MoveOptions{Overwrite: opts.Overwrite})
	if err == nil {
		b.times.copied(from, to)
		b.leftovers.copied(from, to, left)
		b.recent.copied(from, to)
	} else {
		b.recent.invalidate(to)
	}
	return linkError("copy", from, to, err)
}

func checkPair(op, from, to string) error {
	for _, name := range []string{from, to} {
		if err := checkName(name); err != nil {
			return linkError(op, from, to, err)
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
// overwritten or merges into it is not documented, so overwrite is set only
// when both sides are files, by an observation of a moment ago or by a call
// made now.
func (b *Backend) transfer(ctx context.Context, c api.Call, from, to string, opts backend.MoveOptions) error {
	switch {
	case opts.Once && !opts.Overwrite:
		return b.sendTo(ctx, c, from, to, false, 1, func(context.Context) error { return nil })
	case !opts.Overwrite:
		return b.send(ctx, c, from, to, false)
	}
	if b.recent.absent(to) {
		if err := b.send(ctx, c, from, to, false); !is(err, fs.ErrExist) {
			return err
		}
	}
	if b.freshFile(from) && b.freshFile(to) {
		return b.overwrite(ctx, c, from, to)
	}
	source, target, err := b.lookBoth(ctx, from, to)
	switch {
	case err != nil:
		return err
	case source == nil:
		return &backend.Error{Kind: fs.ErrNotExist}
	case target == nil:
		return b.send(ctx, c, from, to, false)
	case source.Type != "file" || target.Type != "file":
		return &backend.Error{Kind: fs.ErrExist, Message: "only a file can take the place of a file"}
	}
	return b.overwrite(ctx, c, from, to)
}

// freshFile reports whether a name was a file a moment ago.
func (b *Backend) freshFile(name string) bool {
	v, ok := b.recent.fresh(name)
	return ok && !v.dir
}

// overwrite replaces a file by a file. The service was seen to refuse that
// for copies, which then go through a sibling of the target.
func (b *Backend) overwrite(ctx context.Context, c api.Call, from, to string) error {
	err := b.send(ctx, c, from, to, true)
	if c != api.CopyResource || !is(err, fs.ErrExist) {
		return err
	}
	sibling := b.leftovers.take(to)
	defer b.leftovers.release(sibling)
	defer b.recent.removed(sibling)
	b.leftovers.record(sibling)
	if err := b.send(ctx, api.CopyResource, from, sibling, false); err != nil {
		return err
	}
	b.recent.copied(from, sibling)
	if err := b.send(ctx, api.MoveResource, sibling, to, true); err != nil {
		if !errors.As(err, new(api.OpenError)) { // or it is being moved
			b.discard(ctx, sibling)
		}
		return err
	}
	b.leftovers.gone(sibling)
	return nil
}

// lookBoth requests both sides at the same time. A missing one is nil.
func (b *Backend) lookBoth(ctx context.Context, from, to string) (source, target *api.Resource, err error) {
	g, ctx := errgroup.WithContext(ctx)
	for name, r := range map[string]**api.Resource{from: &source, to: &target} {
		g.Go(func() error {
			found, err := b.look(ctx, name)
			if hasCode(err, "DiskNotFoundError") {
				return nil
			}
			*r = found
			return err
		})
	}
	return source, target, g.Wait()
}

// sendTries is how often a copy or a move is sent that gets no response.
const sendTries = 4

// send sends a copy or move and waits for its end. If the response is lost it
// is sent again only after a check of both sides.
func (b *Backend) send(ctx context.Context, c api.Call, from, to string, overwrite bool) error {
	return b.sendChecked(ctx, c, from, to, overwrite, func(context.Context) error { return nil })
}

// sendChecked is send with a check before each time that the request goes out. Once an
// attempt had no answer, it may take effect until a look or another attempt shows that it
// has: a refusal of a later one proves nothing.
func (b *Backend) sendChecked(ctx context.Context, c api.Call, from, to string, overwrite bool, check func(context.Context) error) error {
	return b.sendTo(ctx, c, from, to, overwrite, sendTries, check)
}

// sendTo is sendChecked, with as many tries at most.
func (b *Backend) sendTo(ctx context.Context, c api.Call, from, to string, overwrite bool, tries int, check func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := issued(ctx)
	defer cancel()
	source, err := b.path(from)
	if err != nil {
		return err
	}
	target, err := b.path(to)
	if err != nil {
		return err
	}
	query := url.Values{"from": {source}, "path": {target}, "fields": {"href"}}
	if overwrite {
		query.Set("overwrite", "true")
	}
	change := lostChange{Call: c, From: from, To: to, Overwrite: overwrite}
	earlier := b.lost.has(change)
	var unknown error // of the last attempt without an answer
	without := 0      // how many had none
	sourceSeen, targetSeen := b.knownVersion(from), b.knownVersion(to)
	repeatable := c == api.CopyResource && overwrite && (sourceSeen == "" || targetSeen == "" || sourceSeen == targetSeen)
	for try := 1; ; try++ {
		r, err := b.sendOnce(ctx, c, query, from, to, check)
		lost := unanswered(err)
		switch {
		case lost:
			unknown, without = err, without+1
		case err == nil:
			b.lost.answered(ctx, change, without)
			if r.Async() {
				return b.transferred(ctx, c, from, to, overwrite)
			}
			return nil
		case unknown == nil, c == api.CopyResource && overwrite && is(err, fs.ErrExist): // which the service then does to all attempts
			return err
		case errors.As(err, new(api.OpenError)):
			_ = b.lost.lose(ctx, change, unknown)
			return err
		}
		done, again, looking := b.carriedOut(ctx, c, from, to, overwrite)
		switch {
		case looking == nil && done && !repeatable: // else the target may have been the same before
			b.lost.answered(ctx, change, strays(without, earlier))
			return nil
		case looking != nil, !again, try == tries, !lost:
			return b.lost.lose(ctx, change, unknown)
		}
		if b.api.Backoff(ctx, try) != nil {
			return b.lost.lose(ctx, change, unknown)
		}
	}
}

// knownVersion returns the version that a file had a moment ago, or "".
func (b *Backend) knownVersion(name string) string {
	v, _ := b.recent.fresh(name)
	return v.version
}

// sendOnce makes one attempt at a copy or move, and waits for its end.
func (b *Backend) sendOnce(ctx context.Context, c api.Call, query url.Values, from, to string, check func(context.Context) error) (r api.Reply, err error) {
	var next api.Link
	err = b.retryNotFound(ctx, from, func() (err error) {
		if err := check(ctx); err != nil {
			return err
		}
		r, err = b.api.Do(ctx, api.Request{Call: c, Query: query, Out: &next, Recheck: check})
		return err
	})
	if err == nil {
		err = b.finish(ctx, r, next, from, to)
	}
	return r, err
}

// carriedOut reports whether a copy or move whose response was lost was carried
// out, or may be sent again.
func (b *Backend) carriedOut(ctx context.Context, c api.Call, from, to string, overwrite bool) (done, again bool, err error) {
	source, target, err := b.lookBoth(ctx, from, to)
	switch {
	case err != nil:
		return false, false, err
	case c == api.MoveResource && source == nil:
		return target != nil, false, nil
	case c == api.MoveResource, target == nil:
		return false, true, nil // it is still where it was, or not yet anywhere else
	case source != nil && source.Type == "file" && target.Type == "file" && versionOf(source) == versionOf(target):
		return true, overwrite, nil
	}
	return false, overwrite, nil // copying a file over a file may be repeated
}
