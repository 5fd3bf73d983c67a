package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Mkdir implements backend.Backend.
func (b *Backend) Mkdir(ctx context.Context, name string) error {
	if err := check(ctx, "mkdir", name); err != nil {
		return err
	}
	unlock, err := b.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return pathError("mkdir", name, err)
	}
	defer unlock()
	if err := b.missing(ctx, name); err != nil {
		return pathError("mkdir", name, err)
	}
	err = b.change(ctx, func(c *conn) error { return c.Mkdir(b.at(name)) }, func(ctx context.Context) (bool, error) {
		if _, err := b.lstat(ctx, name); err == nil {
			return false, errors.New("the folder is there now, and somebody else may have made it")
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		return false, nil
	})
	if isStatus(err) {
		// The protocol has no code for a name that another client has taken.
		if _, taken := b.lstat(ctx, name); taken == nil {
			err = &backend.Error{Kind: fs.ErrExist}
		}
	}
	return pathError("mkdir", name, err)
}

// missing fails unless a name is free and in a folder.
func (b *Backend) missing(ctx context.Context, name string) error {
	if err := b.walk(ctx, path.Dir(name)); errors.Is(err, fs.ErrNotExist) {
		return &backend.Error{Kind: fs.ErrNotExist, Message: "the folder it would be in is missing"}
	} else if err != nil {
		return err
	}
	switch _, err := b.lstat(ctx, name); {
	case err == nil:
		return &backend.Error{Kind: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}

// Remove implements backend.Backend. It is always permanent. A folder is
// renamed to a hidden name first, so that a part of it is never visible; one
// that cannot be removed is renamed back.
func (b *Backend) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if err := check(ctx, "remove", name); err != nil {
		return err
	}
	if name == "." {
		return backend.PathError("remove", name, fs.ErrInvalid, "the root itself")
	}
	unlock, err := b.names.Lock(ctx, pathlock.Tree(name))
	if err != nil {
		return pathError("remove", name, err)
	}
	defer unlock()
	if err := b.walk(ctx, path.Dir(name)); err != nil {
		return pathError("remove", name, err)
	}
	fi, err := b.lstat(ctx, name)
	if err != nil {
		return pathError("remove", name, err)
	}
	if opts.IfVersion != "" && (fi.IsDir() || b.versions.of(name, stampOf(fi)) != opts.IfVersion) {
		return backend.PathError("remove", name, backend.ErrChanged, "")
	}
	gone := func(ctx context.Context) (bool, error) {
		_, err := b.lstat(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return false, err
	}
	switch {
	case !fi.IsDir():
		b.versions.see(name, stampOf(fi))
		err = b.change(ctx, func(c *conn) error { return removeFile(c, b.at(name)) }, gone)
	case opts.IfEmpty:
		if err := b.checkEmpty(ctx, name); err != nil {
			return pathError("remove", name, err)
		}
		b.unknow(name)
		err = b.change(ctx, func(c *conn) error { return c.RemoveDirectory(b.at(name)) }, gone)
	default:
		if err := b.shown(ctx, name); err != nil {
			return pathError("remove", name, err)
		}
		err = b.removeTree(ctx, name, fi)
	}
	return pathError("remove", name, err)
}

func (b *Backend) checkEmpty(ctx context.Context, name string) error {
	entries, err := b.entries(ctx, name)
	if err != nil {
		return err
	}
	if len(entries) > 0 { // listed or not
		return &backend.Error{Kind: backend.ErrNotEmpty}
	}
	return nil
}

func (b *Backend) removeTree(ctx context.Context, name string, fi fs.FileInfo) error {
	aside, release := b.own(path.Dir(name))
	defer release()
	b.unknow(name)
	if err := b.rename(ctx, name, aside, fi); err != nil {
		return err
	}
	_, err := do(context.WithoutCancel(ctx), b, func(c *conn) (struct{}, error) { return struct{}{}, removeAll(c, b.at(aside), true) })
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if told := new(backend.Error); errors.As(err, &told) && errors.Is(told, backend.ErrUnavailable) {
		// It is gone from its name, and what is left of it is hidden.
		return &backend.Error{Kind: backend.ErrUncertain, Message: fmt.Sprintf("the folder is gone, but what was in it may still take space: %v", err)}
	}
	if back := b.rename(ctx, aside, name, fi); back != nil {
		return &backend.Error{Kind: backend.ErrUncertain, Message: fmt.Sprintf("%v; what is left of the folder is %q on the server", err, path.Base(aside))}
	}
	return err
}

// rename renames, on a server that refuses to overwrite or where the target is
// known to be missing.
func (b *Backend) rename(ctx context.Context, from, to string, fi fs.FileInfo) error {
	return b.renameIn(ctx, changeTries, from, to, fi)
}

// renameIn is rename, which asks the server as often at most.
func (b *Backend) renameIn(ctx context.Context, tries int, from, to string, fi fs.FileInfo) error {
	return b.changeIn(ctx, tries, func(c *conn) error { return c.Rename(b.at(from), b.at(to)) },
		func(ctx context.Context) (bool, error) { return b.renamed(ctx, from, to, fi) })
}

// CheckRemove implements backend.RemoveChecker.
func (b *Backend) CheckRemove(ctx context.Context, name string) error {
	fi, err := b.find(ctx, "remove", name)
	if err != nil || !fi.IsDir() {
		return err
	}
	return pathError("remove", name, b.shown(ctx, name))
}

// shown fails if a folder, or one below it, contains an entry that List omits.
func (b *Backend) shown(ctx context.Context, name string) error {
	entries, err := b.entries(ctx, name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		entry := path.Join(name, e.Name())
		if ownname.IsUnfinished(e.Name()) {
			continue
		}
		if reason := omitted(e); reason != "" {
			return &backend.Error{Kind: backend.ErrNotEmpty,
				Message: fmt.Sprintf("it holds %q, which cannot be shown here (%s) and would be lost; it has to be removed on the server first", entry, reason)}
		}
		if e.IsDir() {
			if err := b.shown(ctx, entry); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Move implements backend.Backend.
func (b *Backend) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := check(ctx, "move", from); err != nil {
		return err
	}
	if err := check(ctx, "move", to); err != nil {
		return err
	}
	if from == "." || to == "." {
		return backend.LinkError("move", from, to, fs.ErrInvalid, "the root stays where it is")
	}
	unlock, err := b.names.Lock(ctx, pathlock.Tree(from), pathlock.Tree(to))
	if err != nil {
		return linkError("move", from, to, err)
	}
	defer unlock()
	source, target, err := b.pair(ctx, from, to, opts.Overwrite)
	if err != nil || from == to {
		return linkError("move", from, to, err)
	}
	tries := changeTries
	if opts.Once {
		tries = 1
	}
	if source.IsDir() {
		b.unknow(from)
		b.unknow(to)
		if err = b.renameIn(ctx, tries, from, to, source); err == nil {
			b.versions.moved(from, to)
		}
		return linkError("move", from, to, b.taken(ctx, to, target, err))
	}
	version := b.versions.of(from, stampOf(source))
	b.versions.see(from, stampOf(source))
	if target != nil {
		b.versions.see(to, stampOf(target))
	}
	if source, err = b.distinct(ctx, from, source, to, version); err != nil {
		return linkError("move", from, to, err)
	}
	b.versions.remember(to, stampOf(source), version)
	if target == nil {
		err = b.renameIn(ctx, tries, from, to, source) // which does not overwrite
	} else {
		err = b.place(ctx, from, to, target, source, false)
	}
	if err != nil {
		return linkError("move", from, to, b.taken(ctx, to, target, err))
	}
	return nil
}

// taken replaces the server's general answer if another client took the name
// meanwhile.
func (b *Backend) taken(ctx context.Context, to string, target fs.FileInfo, err error) error {
	if target == nil && isStatus(err) {
		if _, now := b.lstat(ctx, to); now == nil {
			return &backend.Error{Kind: fs.ErrExist}
		}
	}
	return err
}

// pair checks both names of a Move, and returns what is there.
func (b *Backend) pair(ctx context.Context, from, to string, overwrite bool) (source, target fs.FileInfo, err error) {
	if source, err = b.find(ctx, "move", from); err != nil || from == to {
		return source, nil, err
	}
	if source.IsDir() && backend.Within(to, from) {
		return nil, nil, &backend.Error{Kind: fs.ErrInvalid, Message: "a folder cannot be put below itself"}
	}
	switch err := b.missing(ctx, to); {
	case err == nil:
		return source, nil, nil
	case !errors.Is(err, fs.ErrExist):
		return nil, nil, err
	}
	if target, err = b.lstat(ctx, to); err != nil {
		return nil, nil, err
	}
	if !overwrite || source.IsDir() || target.IsDir() || omitted(target) != "" {
		return nil, nil, &backend.Error{Kind: fs.ErrExist, Message: omitted(target)}
	}
	return source, target, nil
}
