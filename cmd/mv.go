package cmd

import (
	"errors"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) mvCommand() *cli.Command {
	return &cli.Command{
		Name:        "mv",
		Usage:       "move or rename files and folders",
		ArgsUsage:   "FROM … TO",
		Description: "Between two stores that is a copy, after which the source is deleted if it was copied whole.",
		Flags:       p.withStores(append([]cli.Flag{switchFlag("overwrite", "replace existing files", "f"), noWaitFlag()}, transferFlags()...)...),
		Action:      p.withSession(func(s *session, args []string) error { return s.eachPair(args, s.move) }),
	}
}

// move plans one step of the store where both are in the same one. Across stores
// it is a copy, after which each file that the target holds with the same content,
// and has not changed since, is deleted, and each folder that is empty then.
func (s *session) move(p pair) (*task, error) {
	from, err := s.entry(p.from.address)
	if err != nil {
		return nil, err
	}
	if from.root == p.to.root {
		if p.replaces != nil && !s.c.Bool("overwrite") {
			return nil, backend.PathError("write", p.to.address, fs.ErrExist, "--overwrite replaces it")
		}
		return &task{pair: p, verb: "move", direct: func() error {
			return namedBoth(from.Move(s.ctx, from.name, p.to.name, backend.MoveOptions{Overwrite: p.replaces != nil}), from, p.to)
		}}, nil
	}
	o := s.planOptions(p)
	o.Strict = true
	j, err := s.plan(p, o)
	if err == nil {
		j.after = func(copied []transfer.Step) error { return s.removeCopied(j.pair, from, copied) }
	}
	return j, err
}

func errNothingDeleted(from target) error {
	return language.Errorf("nothing was deleted at %q", from.address)
}

// removeCopied deletes the source of what was copied whole.
func (s *session) removeCopied(p pair, from target, copied []transfer.Step) error {
	var errs []error
	for _, step := range copied {
		if step.From.Dir {
			continue
		}
		file := p.from.in(step.Name)
		if step.Kind == transfer.Same {
			if err := s.checkSame(file, p.to.in(step.Name), step); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		// What is gone was reached by a second way, a link, and is deleted by now.
		err := file.Remove(s.ctx, file.name, backend.RemoveOptions{IfVersion: step.From.Version})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, named(err, file))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, language.Errorf("all of %q was copied to %q, and is still there in part", p.from.address, p.to.address))
	}
	if !p.info.Dir {
		return nil
	}
	return s.removeEmpty(from)
}

// checkSame is asked before the source of a file is deleted that the target had
// before: it must have it still, and be another file.
func (s *session) checkSame(from, to target, step transfer.Step) error {
	now, err := to.Stat(s.ctx, to.name)
	switch {
	case err != nil:
		return named(err, to)
	case now.Version != step.To.Version:
		return backend.PathError("move", to.address, backend.ErrChanged, "it was replaced after it was compared; the source stays")
	}
	switch areOne(from, to, step.From, now) {
	case yes:
		return &fs.PathError{Op: "move", Path: from.address, Err: language.Errorf("%w: it is the same file as %q, and stays", fs.ErrInvalid, to.address)}
	case unknown:
		return &fs.PathError{Op: "move", Path: from.address, Err: language.Errorf(
			"%w: %q has had the same content before, and may be the same file; the source stays: compare them and delete it with davdisk rm", fs.ErrExist, to.address)}
	}
	return nil
}

// removeEmpty deletes a folder from the bottom up, as long as nothing is in it
// that has come meanwhile.
func (s *session) removeEmpty(t target) error {
	children, err := s.children(t)
	if err != nil {
		return named(err, t)
	}
	for _, child := range children {
		if !child.Dir {
			return backend.PathError("delete", t.in(child.Name).address, backend.ErrChanged, "it came while the rest was moved, and stays")
		}
		if err := s.removeEmpty(t.in(child.Name)); err != nil {
			return err
		}
	}
	return named(t.Remove(s.ctx, t.name, backend.RemoveOptions{IfEmpty: true}), t)
}
