package crypt

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// List implements backend.Backend.
func (s *store) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	ctx, p, err := s.enter(ctx, "list", name)
	if err != nil {
		return backend.Info{}, nil, err
	}
	self, children, err := s.inner.List(ctx, p.folder)
	if err != nil && p.split() && (isMissing(err) || errors.Is(err, backend.ErrNotDir)) {
		self, _, err = s.find(ctx, "list", name, p)
		if err == nil {
			err = backend.PathError("list", name, backend.ErrNotDir, "")
		}
		return self, nil, err
	}
	if err != nil {
		return s.info(name, self), nil, renamed(err, "list", name)
	}
	return s.info(name, self), func(yield func(backend.Info, error) bool) {
		omitted := 0
		defer func() { s.warn(p.folder, omitted) }()
		for e, err := range s.entries(children) {
			switch {
			case err != nil:
				yield(backend.Info{}, renamed(err, "list", name))
				return
			case e.omitted != "":
				omitted++
			case !yield(s.info(e.name, e.sealed), nil):
				return
			}
		}
	}, nil
}

// An entry is one of a folder.
type entry struct {
	name    string // to show
	omitted string // why it is not shown
	sealed  backend.Info
}

// entries are those of a folder of the store below.
func (s *store) entries(children iter.Seq2[backend.Info, error]) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		seen := map[string]bool{}
		for sealed, err := range children {
			e := entry{sealed: sealed}
			var ok bool
			if err == nil {
				e.name, ok = s.names.plainBase(sealed.Name, sealed.Dir)
				switch {
				case !ok:
					e.omitted = "its name does not decrypt"
				case seen[e.name]:
					e.omitted = "a file and a folder have the same name"
				}
				seen[e.name] = true
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// warn logs, once for a folder, that a listing is not all there is.
func (s *store) warn(folder string, omitted int) {
	if omitted == 0 {
		return
	}
	if before, _ := s.warned.ContainsOrAdd(folder, true); !before {
		s.log.Warn("entries of an encrypted folder are not shown, because their names do not decrypt or are there twice", "folder", folder, "entries", omitted)
	}
}

// Omitted returns the entries of a folder that List omits, each as an error
// with the reason. A caller that copies a folder must report them, because
// removing the source afterwards would lose them.
func (s *store) Omitted(ctx context.Context, name string) ([]error, error) {
	ctx, p, err := s.enter(ctx, "list", name)
	if err != nil {
		return nil, err
	}
	_, children, err := s.inner.List(ctx, p.folder)
	if err != nil {
		return nil, renamed(err, "list", name)
	}
	var all []error
	for e, err := range s.entries(children) {
		if err != nil {
			return nil, renamed(err, "list", name)
		}
		if e.omitted != "" {
			all = append(all, backend.PathError("copy", path.Join(name, e.sealed.Name), errors.ErrUnsupported, e.omitted))
		}
	}
	below, ok := backend.As[interface {
		Omitted(ctx context.Context, name string) ([]error, error)
	}](s.inner)
	if !ok {
		return all, nil
	}
	more, err := below.Omitted(ctx, p.folder)
	for _, err := range more {
		var told *fs.PathError
		base := ""
		if errors.As(err, &told) {
			base = path.Base(told.Path) // as it is called in the store
		}
		all = append(all, renamed(err, "copy", path.Join(name, base)))
	}
	return all, renamed(err, "list", name)
}

// CheckRemove implements backend.RemoveChecker.
func (s *store) CheckRemove(ctx context.Context, name string) error {
	ctx, p, err := s.enter(ctx, "remove", name)
	if err != nil {
		return err
	}
	return s.shown(ctx, name, p.folder)
}

// shown fails if a folder, or one below it, holds an entry that List omits. It
// returns nil for a file.
func (s *store) shown(ctx context.Context, name, folder string) error {
	_, children, err := s.inner.List(ctx, folder)
	if errors.Is(err, backend.ErrNotDir) {
		return nil
	}
	if err != nil {
		return renamed(err, "remove", name)
	}
	var folders []string // listed only when this listing is at its end
	for e, err := range s.entries(children) {
		switch {
		case err != nil:
			return renamed(err, "remove", name)
		case e.omitted != "":
			return backend.PathError("remove", name, backend.ErrNotEmpty, "it holds "+path.Join(folder, e.sealed.Name)+
				" in the store, which is not shown ("+e.omitted+") and would be lost; remove that first")
		case e.sealed.Dir:
			folders = append(folders, path.Join(folder, e.sealed.Name))
		}
	}
	for _, below := range folders {
		if err := s.shown(ctx, name, below); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// claim locks names that mean two things in the store, so that only one of them
// is made.
func (s *store) claim(ctx context.Context, op string, names ...string) (unlock func(), err error) {
	var locked []pathlock.Name
	for _, name := range names {
		locked = append(locked, pathlock.One(name))
	}
	unlock, err = s.locks.Lock(ctx, locked...)
	return unlock, renamed(err, op, names[0])
}

// isFree fails if name is already that of a file, or of a folder if dir is set,
// which is at in the store below.
func (s *store) isFree(ctx context.Context, op, name, at string, dir bool) error {
	info, err := s.inner.Stat(ctx, at)
	switch {
	case err != nil && isMissing(err), err == nil && info.Dir != dir:
		return nil
	case err != nil:
		return renamed(err, op, name)
	case op == "put":
		return backend.PathError(op, name, backend.ErrIsDir, "")
	}
	return backend.PathError(op, name, fs.ErrExist, "")
}

// Mkdir implements backend.Backend.
func (s *store) Mkdir(ctx context.Context, name string) error {
	ctx, p, err := s.enterNew(ctx, "mkdir", name)
	if err != nil {
		return err
	}
	if p.split() {
		unlock, err := s.claim(ctx, "mkdir", name)
		if err != nil {
			return err
		}
		defer unlock()
		if err := s.isFree(ctx, "mkdir", name, p.file, false); err != nil {
			return err
		}
	}
	return renamed(s.inner.Mkdir(ctx, p.folder), "mkdir", name)
}

// Remove implements backend.Backend. Before a folder is removed all of it is
// listed, because it may hold what the caller has not seen.
func (s *store) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	ctx, p, err := s.enter(ctx, "remove", name)
	if err != nil {
		return err
	}
	at := p.file
	if p.split() {
		if _, at, err = s.find(ctx, "remove", name, p); err != nil {
			return err
		}
	}
	if name != "." && at == p.folder && opts.IfVersion == "" && !opts.IfEmpty {
		if err := s.shown(ctx, name, at); err != nil {
			return err
		}
	}
	return renamed(s.inner.Remove(ctx, at, opts), "remove", name)
}

// Move implements backend.Backend.
func (s *store) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	return s.transfer(ctx, "move", from, to, func(ctx context.Context, from, to string) error {
		return s.inner.Move(ctx, from, to, opts)
	})
}

// transfer does something from one name to another.
func (s *store) transfer(ctx context.Context, op, from, to string, do func(ctx context.Context, from, to string) error) error {
	_, source, err := s.enter(ctx, op, from)
	if err != nil {
		return err
	}
	ctx, target, err := s.enterNew(ctx, op, to)
	if err != nil {
		return err
	}
	if !source.split() && !target.split() {
		return linked(do(ctx, source.file, target.file), op, from, to)
	}
	unlock, err := s.claim(ctx, op, from, to)
	if err != nil {
		return err
	}
	defer unlock()
	info, at, err := s.find(ctx, op, from, source)
	if err != nil {
		return linked(err, op, from, to)
	}
	goal, other := target.file, target.folder
	if info.Dir {
		goal, other = target.folder, target.file
	}
	if from != to && target.split() {
		if err := s.isFree(ctx, op, to, other, !info.Dir); err != nil {
			return linked(err, op, from, to)
		}
	}
	return linked(do(ctx, at, goal), op, from, to)
}

// linked is renamed for an operation on two names.
func linked(err error, op, from, to string) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *fs.PathError:
		return &os.LinkError{Op: op, Old: from, New: to, Err: e.Err}
	case *os.LinkError:
		return &os.LinkError{Op: op, Old: from, New: to, Err: e.Err}
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: err}
}
