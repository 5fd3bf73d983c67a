package cmd

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

// A pair is one source and where it goes.
type pair struct {
	from, to target
	info     backend.Info  // of the source
	replaces *backend.Info // what has the new name now; nil for nothing
	outer    string        // ID of the folder that the new name is in, if known
	into     bool          // the new name is one in the folder that was typed
}

// eachPair plans what to do with each source of a command such as cp, to a new
// name or into the folder that the last argument names, and then does it.
func (s *session) eachPair(args []string, plan func(pair) (*task, error)) error {
	if err := s.checkTransferFlags(); err != nil {
		return err
	}
	sources, last := args[:len(args)-1], args[len(args)-1]
	if last == standardInput {
		return misuse("davdisk cat writes to the standard output; a file of that name is ./-")
	}
	to, err := s.target(last)
	if err != nil {
		return err
	}
	sources, err = s.expand(sources)
	errs := separate(err)
	if len(sources) == 0 {
		return err
	}
	info, err := to.Stat(s.ctx, to.name)
	into := err == nil && info.Dir
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return named(err, to)
	case !into && len(sources) > 1:
		return misuse("several files go into a folder, and %q is none", last)
	case !into && to.folder:
		return notFolder(to, err)
	}
	var tasks []*task
	goals := map[string]string{} // what is to be there, by the source that it comes from
	for _, source := range sources {
		p, err := s.pair(source, to, into, info, len(sources) == 1)
		if first, taken := goals[p.to.full()]; err == nil && taken {
			err = &fs.PathError{Op: "write", Path: p.to.address, Err: language.Errorf("%w: %q is to have this name", fs.ErrExist, first)}
		}
		var j *task
		if err == nil {
			goals[p.to.full()] = source
			j, err = plan(p)
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if err != nil {
			errs = append(errs, err)
		} else {
			tasks = append(tasks, j)
		}
	}
	return s.do(tasks, errs)
}

// notFolder is why nothing can go into a target; err says whether it
// is there.
func notFolder(to target, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return backend.PathError("open", to.address, fs.ErrNotExist, "make it with davdisk mkdir")
	}
	return backend.PathError("open", to.address, backend.ErrNotDir, "")
}

// place is where something new goes: to the target itself, or into the folder
// that it is, by a name that is asked for only then.
func (s *session) place(to target, name func() (string, error)) (target, error) {
	info, err := to.Stat(s.ctx, to.name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return target{}, named(err, to)
	case (err != nil || !info.Dir) && to.folder:
		return target{}, notFolder(to, err)
	case err != nil || !info.Dir:
		return to, nil //nolint:nilerr // the copy itself reports what is wrong with it
	}
	base, err := name()
	return to.in(base), err
}

// pair is one source with where it goes: into a folder, which there describes, or
// to a new name.
func (s *session) pair(source string, to target, into bool, there backend.Info, alone bool) (pair, error) {
	from, err := s.target(source)
	if err != nil {
		return pair{}, err
	}
	p := pair{from: from, to: to}
	if p.info, err = s.stat(from); err != nil {
		return p, err
	}
	base := from.base()
	if into && alone && p.info.Dir && s.isUnfinished(from, to, there) {
		s.sayGoingOn(from, to)
		base = ""
	}
	if into && base != "" {
		p.to, p.outer, p.into = to.in(base), there.ID, true
	}
	if p.replaces, err = s.there(p.to); err != nil {
		return p, err
	}
	return p, s.checkPair(p)
}

// there describes what has the name of a target now, nil for nothing.
func (s *session) there(t target) (*backend.Info, error) {
	info, err := t.Stat(s.ctx, t.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &info, named(err, t)
}

// checkPair refuses what would end badly before anything is touched. Two
// remotes may show the same file under two addresses, which its ID reveals.
func (s *session) checkPair(p pair) error {
	name, below := p.to.full(), p.from.full()
	switch {
	case name == below, p.replaces != nil && areOne(p.from, p.to, p.info, *p.replaces) == yes:
		return misuse("%q and %q are the same", p.from.address, p.to.address)
	case p.info.Dir && (strings.HasPrefix(name, strings.TrimSuffix(below, "/")+"/") || p.info.ID != "" && p.info.ID == p.outer):
		return misuse("%q cannot go below itself", p.from.address)
	case p.replaces != nil && p.replaces.Dir != p.info.Dir:
		return backend.PathError("write", p.to.address, fs.ErrExist, transfer.OtherKind(*p.replaces))
	}
	return nil
}

// answer is that to a question which some stores cannot answer.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// areOne reports whether two names are of one file or folder. Stores without IDs
// do not tell: two addresses of one server may show the same file.
func areOne(a, b target, x, y backend.Info) answer {
	dirA, localA := strings.CutPrefix(a.root, "local:")
	dirB, localB := strings.CutPrefix(b.root, "local:")
	if localA && localB {
		infoA, errA := os.Stat(filepath.FromSlash(path.Join(dirA, a.name)))
		infoB, errB := os.Stat(filepath.FromSlash(path.Join(dirB, b.name)))
		switch {
		case errA != nil || errB != nil:
			return unknown
		case os.SameFile(infoA, infoB):
			return yes
		}
		return no
	}
	switch {
	case x.ID == "" || y.ID == "":
		return unknown
	case transfer.SameID(x.ID, y.ID):
		return yes
	}
	return no
}

// base is the name that a copy of the target gets in a folder; empty for the
// root of a store, of which only the content can be copied.
func (t target) base() string {
	if t.name != "." {
		return path.Base(t.name)
	}
	if dir, ok := strings.CutPrefix(t.root, "local:"); ok {
		return strings.Trim(path.Base(dir), "/:")
	}
	return ""
}

// full identifies a target: root and name.
func (t target) full() string {
	if t.name == "." {
		return t.root
	}
	return strings.TrimSuffix(t.root, "/") + "/" + t.name
}

func (t target) side() transfer.Side {
	return transfer.Side{Backend: t.Backend, Name: t.name, Address: t.address}
}
