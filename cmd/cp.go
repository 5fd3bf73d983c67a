package cmd

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) cpCommand() *cli.Command {
	return &cli.Command{
		Name:      "cp",
		Usage:     "copy files and folders: up, down, or within a store",
		ArgsUsage: "FROM … TO",
		Description: "FROM may be - for the standard input. Times are kept. A folder that ends in a slash, or is there, is copied into.\n\n" +
			"   davdisk cp -r ./photos yandex:Backup\n   davdisk cp yandex:Docs/plan.txt .\n   tar c work | davdisk cp - yandex:work.tar",
		Flags: p.withStores(
			switchFlag("recursive", "include folders and their content", "r", "R"),
			overwriteFlag(),
			noWaitFlag(),
		),
		Action: p.withSession(func(s *session, args []string) error {
			if len(args) == 2 && args[0] == standardInput {
				return s.copyInput(args[1])
			}
			err := s.eachPair(args, func(p pair) error {
				if p.info.Dir && !s.c.Bool("recursive") {
					return backend.PathError("cp", p.from.address, backend.ErrIsDir, "-r copies it with all that is in it")
				}
				return s.copy(p)
			})
			return errors.Join(err, s.keepTimes())
		}),
	}
}

func overwriteFlag() cli.Flag {
	return switchFlag("overwrite", "replace existing files; folders are merged", "f")
}

// A pair is one source and where it goes.
type pair struct {
	from, to target
	info     backend.Info  // of the source
	replaces *backend.Info // what has the new name now; nil for nothing
	join     bool          // the content of a root goes into a folder that is there
}

// eachPair does something with each source of a command such as cp: to a new
// name, or into the folder that the last argument names.
func (s *session) eachPair(args []string, do func(pair) error) error {
	sources, last := args[:len(args)-1], args[len(args)-1]
	if last == standardInput {
		return misuse("davdisk cat writes to the standard output; a file of that name is ./-")
	}
	to, err := s.target(last)
	if err != nil {
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
	var errs []error
	for _, source := range sources {
		p, err := s.pair(source, to, into)
		if err == nil {
			err = do(p)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
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

func (s *session) pair(source string, to target, into bool) (pair, error) {
	from, err := s.target(source)
	if err != nil {
		return pair{}, err
	}
	p := pair{from: from, to: to}
	if p.info, err = s.stat(from); err != nil {
		return p, err
	}
	switch base := from.base(); {
	case into && base == "":
		p.join = true
	case into:
		p.to = to.in(base)
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
	case name == below, p.replaces != nil && p.info.ID != "" && p.replaces.ID == p.info.ID:
		return misuse("%q and %q are the same", p.from.address, p.to.address)
	case p.info.Dir && strings.HasPrefix(name, strings.TrimSuffix(below, "/")+"/"):
		return misuse("%q cannot go below itself", p.from.address)
	case p.replaces == nil, p.join:
		return nil
	case p.replaces.Dir != p.info.Dir:
		return backend.PathError("write", p.to.address, fs.ErrExist, "a "+kindOf(*p.replaces)+" is there, which a "+kindOf(p.info)+" never replaces")
	case !s.c.Bool("overwrite"):
		return backend.PathError("write", p.to.address, fs.ErrExist, "--overwrite replaces it")
	}
	return nil
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

// copy copies one source, by the store itself where both are in the same one
// and no folders are to be joined.
func (s *session) copy(p pair) error {
	if p.from.root == p.to.root && (p.replaces == nil || !p.info.Dir) {
		err := backend.Copy(s.ctx, p.from, p.from.name, p.to.name, backend.CopyOptions{Overwrite: s.c.Bool("overwrite")})
		if !errors.Is(err, errors.ErrUnsupported) {
			return namedBoth(err, p.from, p.to)
		}
	}
	return s.transfer(p, nil)
}

// transfer copies one source through this machine.
func (s *session) transfer(p pair, done func(transfer.Copied)) error {
	progress := terminal.NewProgress(s.c.App.ErrWriter, p.from.address)
	defer progress.Close()
	o := transfer.Options{Overwrite: s.c.Bool("overwrite"), Join: p.join, Begin: progress.Grow, Moved: progress.Add, Done: done}
	if !p.info.Dir {
		return transfer.File(s.ctx, p.from.side(), p.to.side(), o)
	}
	return transfer.Tree(s.ctx, p.from.side(), p.to.side(), o)
}
