package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) trashCommand() *cli.Command {
	return &cli.Command{
		Name:  "trash",
		Usage: "list, restore and delete files in the trash",
		Subcommands: []*cli.Command{
			{
				Name: "ls", Usage: "list the trash", ArgsUsage: "[REMOTE:]",
				Flags:  p.withStores(jsonFlag()),
				Action: p.withSession((*session).listTrash),
			},
			{
				Name: "restore", Usage: "restore entries, by id or by original name", ArgsUsage: "REMOTE:ID …",
				Description: "   davdisk trash restore yandex:Docs/plan.txt --to yandex:plan-of-may.txt",
				Flags: p.withStores(
					textFlag("to", "", "restore to `PATH` on the same remote"),
					switchFlag("overwrite", "replace an existing file", "f"),
				),
				Action: p.withSession((*session).restoreTrash),
			},
			{
				Name: "rm", Usage: "delete entries permanently", ArgsUsage: "REMOTE:ID …",
				Flags:  p.withStores(),
				Action: p.withSession((*session).discardTrash),
			},
			{
				Name: "empty", Usage: "delete all entries permanently", ArgsUsage: "[REMOTE:]",
				Flags:  p.withStores(yesFlag()),
				Action: p.withSession((*session).emptyTrash),
			},
		},
	}
}

func yesFlag() cli.Flag { return switchFlag("yes", "do not ask for confirmation", "y") }

// trashOf opens the trash of the remote that an address begins with; the rest
// of the address names an entry.
func (s *session) trashOf(address string) (trash backend.Trasher, t target, entry string, err error) {
	name, entry, ok := backend.SplitAddress(address)
	if !ok {
		return nil, t, "", misuse("%q is on this machine, which has no trash here; write REMOTE:ID", address)
	}
	root, entry := s.registry.SplitPath(name, entry)
	if t, err = s.target(name + ":" + root); err != nil {
		return nil, t, "", err
	}
	if _, several := backend.As[*combine.Backend](t.Backend); several {
		return nil, t, "", misuse("%q is several stores, and each has its own trash or none: name the remote of one", address)
	}
	trash, err = backend.Trashcan(t.Backend)
	return trash, t, entry, named(err, t)
}

// wholeTrash is trashOf for what is done with all entries. An address that goes
// on names one entry, and whoever wrote it does not mean all.
func (s *session) wholeTrash(args []string) (backend.Trasher, target, error) {
	address := append(args, defaultRemote)[0]
	trash, t, entry, err := s.trashOf(address)
	if err == nil && strings.Trim(entry, "/") != "" {
		err = misuse("%q names one entry, and this is about the whole trash: write %s", address, t.root)
	}
	return trash, t, err
}

type trashedJSON struct {
	ID      string     `json:"id"`
	Origin  string     `json:"origin,omitempty"`
	Deleted *time.Time `json:"deleted,omitempty"`
	Type    string     `json:"type"`
	Size    *int64     `json:"size,omitempty"`
}

func (s *session) listTrash(args []string) error {
	trash, _, err := s.wholeTrash(args)
	if err != nil {
		return err
	}
	asJSON := func(e backend.Trashed) any {
		j := trashedJSON{ID: e.ID, Origin: e.Origin, Deleted: known(e.Deleted), Type: kindOf(e.Info)}
		if !e.Info.Dir {
			j.Size = &e.Info.Size
		}
		return j
	}
	return printList(s, trash.Trash(s.ctx), asJSON, func(w terminal.Writer, e backend.Trashed) {
		origin := e.Origin
		if origin == "" {
			origin = e.Info.Name
		}
		fmt.Fprintf(w, "%s  %s  %s\n", when(e.Deleted), w.Name(e.ID), w.Name(origin))
	})
}

func (s *session) restoreTrash(args []string) error {
	to := s.c.String("to")
	if to != "" && len(args) > 1 {
		return misuse("--to names one place, and there are %d entries", len(args))
	}
	return each(args, func(address string) error { return s.restore(address, to) })
}

func (s *session) restore(address, to string) error {
	trash, t, entry, err := s.trashOf(address)
	if err != nil {
		return err
	}
	if to != "" {
		goal, err := s.target(to)
		if err != nil {
			return err
		}
		if goal.root != t.root {
			return misuse("--to: %q is not in %s", to, t.root)
		}
		to = goal.name
	}
	id, err := s.trashID(trash, address, entry)
	if err != nil {
		return err
	}
	name, err := trash.Restore(s.ctx, id, to, s.c.Bool("overwrite"))
	if err != nil {
		return err
	}
	out := s.out()
	_, err = fmt.Fprintln(out, out.Name(t.in(name).address))
	return err
}

// trashID finds an entry by its id, or by the name it had if only one entry
// had that.
func (s *session) trashID(trash backend.Trasher, address, entry string) (string, error) {
	if entry == "" {
		return "", misuse("%q names no entry; davdisk trash ls lists them", address)
	}
	var ids []string
	for e, err := range trash.Trash(s.ctx) {
		if err != nil {
			return "", err
		}
		if e.ID == entry {
			return entry, nil
		}
		if e.Origin != "" && e.Origin == strings.Trim(entry, "/") {
			ids = append(ids, e.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", backend.PathError("trash", address, fs.ErrNotExist, "davdisk trash ls lists what is there")
	case 1:
		return ids[0], nil
	}
	return "", misuse("%d entries were called %q; name one by its id: %s", len(ids), entry, strings.Join(ids, ", "))
}

func (s *session) discardTrash(args []string) error {
	return each(args, func(address string) error {
		trash, _, entry, err := s.trashOf(address)
		if err == nil {
			entry, err = s.trashID(trash, address, entry)
		}
		if err == nil {
			err = trash.Discard(s.ctx, entry)
		}
		return err
	})
}

func (s *session) emptyTrash(args []string) error {
	trash, t, err := s.wholeTrash(args)
	if err != nil {
		return err
	}
	if err := s.confirm(s.lang.Sprintf("remove all in the trash of %s for good?", t.root)); err != nil {
		return err
	}
	return trash.EmptyTrash(s.ctx)
}

// confirm asks before what cannot be undone. Where nobody can be asked, --yes
// must have said so.
func (s *session) confirm(question string) error {
	if s.c.Bool("yes") {
		return nil
	}
	if !terminal.Is(s.c.App.Reader) {
		return misuse("nobody can be asked here; --yes says that it is meant")
	}
	yes, err := terminal.Confirm(s.ctx, s.c.App.Reader, s.c.App.ErrWriter, question)
	if err == nil && !yes {
		err = errors.New("nothing was done")
	}
	return err
}
