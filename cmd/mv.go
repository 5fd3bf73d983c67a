package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) mvCommand() *cli.Command {
	return &cli.Command{
		Name:      "mv",
		Usage:     "move or rename files and folders",
		ArgsUsage: "FROM … TO",
		Flags:     p.withStores(switchFlag("overwrite", "replace existing files", "f"), noWaitFlag()),
		Action:    p.withSession(func(s *session, args []string) error { return errors.Join(s.eachPair(args, s.move), s.keepTimes()) }),
	}
}

// move is one step of the store where both are in the same one. Across stores
// it is a copy, after which each file that was copied, and has not changed
// since, is deleted, and each folder that is empty then.
func (s *session) move(p pair) error {
	from, err := s.entry(p.from.address)
	if err != nil {
		return err
	}
	if from.root == p.to.root {
		return namedBoth(from.Move(s.ctx, from.name, p.to.name, backend.MoveOptions{Overwrite: s.c.Bool("overwrite")}), from, p.to)
	}
	var copied []transfer.Copied
	if err := s.transfer(p, func(c transfer.Copied) { copied = append(copied, c) }); err != nil {
		return errors.Join(err, fmt.Errorf("nothing was deleted at %q", p.from.address))
	}
	var errs []error
	for _, c := range copied {
		// What is gone was reached by a second way, a link, and is deleted by now.
		err := p.from.Remove(s.ctx, c.Name, backend.RemoveOptions{IfVersion: c.From.Version})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, named(err, p.source(c)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, fmt.Errorf("all of %q was copied to %q, and is still there in part", p.from.address, p.to.address))
	}
	if !p.info.Dir {
		return nil
	}
	return s.removeEmpty(from)
}

// source is what of a pair was copied: itself or something in it.
func (p pair) source(c transfer.Copied) target {
	if below, ok := strings.CutPrefix(c.Name, p.from.name+"/"); ok {
		return p.from.in(below)
	}
	if p.from.name == "." {
		return p.from.in(c.Name)
	}
	return p.from
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
