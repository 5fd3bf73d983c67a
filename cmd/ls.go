package cmd

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) lsCommand() *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list a folder",
		ArgsUsage: "[PATH]",
		Flags: p.withStores(
			switchFlag("long", "show sizes and times", "l"),
			switchFlag("recursive", "include subfolders", "R", "r"),
			jsonFlag(),
		),
		Action: p.withTarget(func(s *session, t target) error {
			return printList(s, s.walk(t, s.c.Bool("recursive")), visit.json, s.lsLine(t))
		}),
	}
}

// A visit is one entry met on a walk.
type visit struct {
	target target
	info   backend.Info
}

func (v visit) json() any { return newEntryJSON(v.target.address, v.info) }

func (s *session) lsLine(top target) func(terminal.Writer, visit) {
	return func(w terminal.Writer, v visit) {
		name := strings.TrimPrefix(strings.TrimPrefix(v.target.address, strings.TrimSuffix(top.address, "/")), "/")
		if name == "" {
			name = v.info.Name
		}
		switch {
		case s.c.Bool("long"):
			printEntry(w, name, v.info)
		case v.info.Dir:
			fmt.Fprintf(w, "%s/\n", w.Name(name))
		default:
			fmt.Fprintln(w, w.Name(name))
		}
	}
}

// walk yields what is in a folder by name, and what is below if that is asked
// for. A file yields itself.
func (s *session) walk(t target, recursive bool) iter.Seq2[visit, error] {
	return func(yield func(visit, error) bool) { s.walkFolder(t, recursive, yield) }
}

func (s *session) walkFolder(t target, recursive bool, yield func(visit, error) bool) bool {
	children, err := s.children(t)
	if errors.Is(err, backend.ErrNotDir) && !t.folder && len(children) == 1 {
		return yield(visit{t, children[0]}, nil)
	}
	if err != nil {
		return yield(visit{}, named(err, t))
	}
	var failed []error
	for _, info := range children {
		child := t.in(info.Name)
		if info.Err != nil {
			failed = append(failed, named(info.Err, child))
			continue
		}
		if !yield(visit{child, info}, nil) {
			return false
		}
		if recursive && info.Dir && !s.walkFolder(child, true, yield) {
			return false
		}
	}
	for _, err := range failed { // once the others are shown
		if !yield(visit{}, err) {
			return false
		}
	}
	return true
}

// children are those of a folder, by name; a file gives itself with ErrNotDir.
func (s *session) children(t target) ([]backend.Info, error) {
	self, list, err := t.List(s.ctx, t.name)
	if err != nil {
		return []backend.Info{self}, err
	}
	var infos []backend.Info
	for info, err := range list {
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b backend.Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}
