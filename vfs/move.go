package vfs

import (
	"context"
	"errors"
	"io/fs"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Rename implements afero.Fs, like os.Rename: a file may replace a file; a
// folder is never replaced. Open files follow.
func (f *FS) Rename(from, to string) error {
	return linkError("rename", from, to, f.rename(from, to))
}

func (f *FS) rename(given, wanted string) error {
	s, err := f.sides(given, wanted)
	if err != nil {
		return err
	}
	defer s.done()
	from, to := s.from.name, s.to.name
	switch {
	case from == to:
		return nil
	case s.taken && s.target.Dir:
		return failure(fs.ErrExist, "a folder has that name")
	case s.taken && s.source.Dir:
		return failure(backend.ErrNotDir, "a folder cannot replace a file")
	}
	return f.relocate(f.ctx, from, to, s.taken)
}

// Move renames a file or a folder. An existing target is fs.ErrExist, unless
// overwrite is set: then it is replaced as a whole, never merged into, and stays
// if the move fails. A missing source or parent of the target is fs.ErrNotExist;
// a folder moved below itself, or over one that contains it, is fs.ErrInvalid. A
// move onto itself does nothing. Open files follow.
func (f *FS) Move(from, to string, overwrite bool) error {
	return linkError("move", from, to, f.move(from, to, overwrite))
}

func (f *FS) move(given, wanted string, overwrite bool) error {
	s, err := f.sides(given, wanted)
	if err != nil {
		return err
	}
	defer s.done()
	from, to := s.from.name, s.to.name
	switch {
	case from == to:
		return nil
	case s.taken && !overwrite:
		return failure(fs.ErrExist, "")
	case s.taken && s.target.Dir && f.onlyHere(from) && f.journal.shares():
		return failure(backend.ErrLocked, "what is to replace the folder is still being written")
	case s.taken && s.target.Dir && f.onlyHere(from):
		// The store has no source, the absence of which would show that the
		// move was made.
		return f.replace(f.ctx, copying, from, to, func(ctx context.Context) error {
			return f.storeAt(ctx, from, to, true)
		})
	case s.taken && (s.source.Dir || s.target.Dir):
		return f.replace(f.ctx, moving, from, to, func(ctx context.Context) error {
			return f.relocate(ctx, from, to, false)
		})
	}
	return f.relocate(f.ctx, from, to, s.taken)
}

// Copy copies a file, or a folder with its content (depth -1) or without it
// (depth 0). The rules are those of Move; a copy onto itself is fs.ErrInvalid.
// A file that is being written is copied as it is stored; if it has been created
// and is not stored yet, with what has been written so far. A folder is copied
// without such files.
func (f *FS) Copy(from, to string, overwrite bool, depth int) error {
	return linkError("copy", from, to, f.copy(from, to, overwrite, depth))
}

func (f *FS) copy(given, wanted string, overwrite bool, depth int) error {
	if depth != 0 && depth != -1 {
		return failure(fs.ErrInvalid, "the depth of a copy must be 0 or -1")
	}
	s, err := f.sides(given, wanted)
	if err != nil {
		return err
	}
	defer s.done()
	from, to := s.from.name, s.to.name
	switch {
	case from == to:
		return failure(fs.ErrInvalid, "onto itself")
	case s.taken && !overwrite:
		return failure(fs.ErrExist, "")
	}
	alone := s.source.Dir && depth == 0
	if s.taken && (s.source.Dir || s.target.Dir) && f.journal.shares() && !f.onlyHere(to) {
		return f.replaceByCopy(from, to, alone)
	}
	if s.taken && (s.source.Dir || s.target.Dir) {
		return f.replace(f.ctx, copying, from, to, func(ctx context.Context) error {
			return f.duplicate(ctx, from, to, alone, false)
		})
	}
	return f.duplicate(f.ctx, from, to, alone, s.taken)
}

// sides are the two names of an operation and what they have.
type sides struct {
	from, to       place
	source, target backend.Info
	taken          bool   // the target exists
	done           func() // unlocks the names
}

// sides locks and looks up both names of an operation, and refuses impossible
// ones.
func (f *FS) sides(given, wanted string) (s sides, err error) {
	places, done, err := f.change(f.ctx, pathlock.Tree, given, wanted)
	if err != nil {
		return s, err
	}
	found := false
	defer func() {
		if !found { // a panic of the store included
			done()
		}
	}()
	s = sides{from: places[0], to: places[1], done: done}
	if err := f.await(f.ctx, leftIn(s.from.name)); err != nil {
		return s, err
	}
	if err := f.removeCopies(f.ctx, s.from.name); err != nil {
		return s, err
	}
	s.source, s.target, s.taken, err = f.lookUp(s.from, s.to)
	found = err == nil
	return s, err
}

// lookUp describes the source and the target of an operation. taken reports
// whether the target exists.
func (f *FS) lookUp(from, to place) (source, target backend.Info, taken bool, err error) {
	if from.name == "." || to.name == "." {
		return source, target, false, errRoot()
	}
	if source, err = f.stat(f.ctx, from.name); err == nil {
		err = from.checkKind(source)
	}
	if err != nil {
		return source, target, false, err
	}
	switch {
	case from.name == to.name:
		return source, source, true, nil
	case source.Dir && backend.Within(to.name, from.name):
		if err := f.folder(f.ctx, parentOf(to.name)); err != nil {
			return source, target, false, err
		}
		return source, target, false, failure(fs.ErrInvalid, "a folder cannot be moved or copied below itself")
	case backend.Within(from.name, to.name):
		return source, target, true, failure(fs.ErrInvalid, "the target contains the source")
	case to.folder && !source.Dir:
		return source, target, false, failure(backend.ErrNotDir, "a name that ends with a slash is one of a folder")
	}
	if err := to.checkNew(f.names); err != nil {
		return source, target, false, err
	}
	target, err = f.stat(f.ctx, to.name)
	if errors.Is(err, fs.ErrNotExist) {
		return source, target, false, f.folder(f.ctx, parentOf(to.name))
	}
	return source, target, err == nil, err
}

// relocate moves in one step: to a free name, or a file over a file.
func (c *core) relocate(ctx context.Context, from, to string, taken bool) error {
	kept := c.meta.Kept()
	var err error
	switch {
	case c.onlyHere(from) && taken && !c.onlyHere(to):
		// The target is replaced by what has been written so far, because the
		// store has nothing yet that could be moved over it.
		return c.storeAt(ctx, from, to, false)
	case c.onlyHere(from):
		return c.rebindUnstored(from, to)
	default:
		c.pinOpenFiles(ctx, to)
		err = c.b.Move(ctx, from, to, backend.MoveOptions{Overwrite: taken && !c.onlyHere(to)})
	}
	if err != nil {
		c.invalidate(from)
		c.invalidate(to)
		return err
	}
	c.moved(from, to, kept)
	c.settleMoved(ctx, from, to)
	return nil
}

// storeAt stores a file that is not stored yet under its new name, over the file
// that has it; with ifAbsent the name must be free.
func (c *core) storeAt(ctx context.Context, from, to string, ifAbsent bool) (err error) {
	h := c.borrow(from)
	if h == nil {
		return errAborted()
	}
	n := h.node
	defer func() { n.leave(h, err != nil) }()
	n.change.Lock()
	defer n.change.Unlock()
	c.pinOpenFiles(ctx, to)
	if err := n.store(ctx, to, ifAbsent); err != nil {
		return err
	}
	c.rebindTree(from, to)
	return nil
}

// copyUnstored stores a copy of a file that is not stored yet, as it is now.
// With ifAbsent the target must be free.
func (c *core) copyUnstored(ctx context.Context, from, to string, ifAbsent bool) error {
	h := c.borrow(from)
	if h == nil {
		return errAborted()
	}
	n := h.node
	defer n.leave(h, true)
	n.change.Lock()
	defer n.change.Unlock()
	c.pinOpenFiles(ctx, to)
	info, err := n.put(ctx, to, backend.PutOptions{IfAbsent: ifAbsent})
	if err != nil {
		return err
	}
	c.supersede(to)
	c.meta.Stored(to, info)
	return nil
}

// duplicate copies in one step: to a free name, or a file over a file.
func (c *core) duplicate(ctx context.Context, from, to string, alone, taken bool) error {
	var props map[string]string
	var err error
	switch {
	case alone:
		props, err = c.mkdirLike(ctx, from, to)
	case c.onlyHere(from):
		return c.copyUnstored(ctx, from, to, !taken)
	default:
		c.pinOpenFiles(ctx, to)
		err = backend.Copy(ctx, c.b, from, to, backend.CopyOptions{Overwrite: taken})
		if errors.Is(err, errors.ErrUnsupported) {
			err = c.copyTree(ctx, from, to)
		}
	}
	if err != nil {
		c.invalidate(to)
		return err
	}
	if alone {
		c.made(to)
		c.meta.Propertied(to, props, nil)
	} else {
		c.meta.Copied(from, to)
	}
	c.supersede(to)
	return nil
}
