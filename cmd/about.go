package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) aboutCommand() *cli.Command {
	return &cli.Command{
		Name:      "about",
		Usage:     "show account, quota and limits of a store",
		ArgsUsage: "[REMOTE:]",
		Flags:     p.withStores(jsonFlag()),
		Action: p.withTarget(func(s *session, t target) error {
			return s.about(t)
		}),
	}
}

type aboutJSON struct {
	Remote  string `json:"remote"`
	Login   string `json:"login,omitempty"`
	Name    string `json:"name,omitempty"`
	Country string `json:"country,omitempty"`
	Paid    *bool  `json:"paid,omitempty"`
	Total   int64  `json:"total"`
	Used    int64  `json:"used"`
	Free    int64  `json:"free"`
	Trash   *int64 `json:"trash,omitempty"`
	MaxFile int64  `json:"maxFile,omitempty"`
}

// foldersJSON is what is told of a store that is made of several.
type foldersJSON struct {
	Remote  string            `json:"remote"`
	Folders []folderSpaceJSON `json:"folders"`
}

// folderSpaceJSON is the space of a folder with a store of its own. Without a total
// the store does not tell it, or cannot be reached.
type folderSpaceJSON struct {
	Name  string `json:"name"`
	Total int64  `json:"total,omitempty"`
	Used  int64  `json:"used,omitempty"`
	Free  int64  `json:"free,omitempty"`
	Error string `json:"error,omitempty"`
}

// accountant is a store that knows whose it is.
type accountant interface {
	Account(ctx context.Context) (yandex.Account, error)
}

func (s *session) about(t target) error {
	a := aboutJSON{Remote: t.address}
	if _, several := backend.As[backend.FolderUsager](t.Backend); several && t.name == "." {
		return s.aboutFolders(t)
	}
	space, err := backend.UsageIn(s.ctx, t.Backend, t.name)
	if err != nil {
		return named(err, t)
	}
	a.Total, a.Used, a.Free, a.MaxFile = space.Total, space.Used, space.Free(), space.MaxFile
	if _, err := backend.Trashcan(t.Backend); err == nil {
		a.Trash = &space.Trash
	}
	if owner, ok := backend.As[accountant](t.Backend); ok {
		account, err := owner.Account(s.ctx)
		if err != nil {
			return err
		}
		a.Login, a.Name, a.Country, a.Paid = account.Login, account.Name, account.Country, &account.Paid
	}
	if s.c.Bool("json") {
		return writeJSON(s.out(), a)
	}
	plan, limit, trash := "", "", ""
	if a.Paid != nil {
		plan = map[bool]string{true: s.lang.Text("paid"), false: s.lang.Text("free of charge")}[*a.Paid]
	}
	if a.MaxFile > 0 {
		limit = terminal.Size(a.MaxFile)
	}
	if a.Trash != nil {
		trash = terminal.Size(*a.Trash)
	}
	person := a.Login
	if a.Name != "" && a.Name != a.Login {
		person = fmt.Sprintf("%s (%s)", a.Login, a.Name)
	}
	s.printFields(s.out(),
		field{"account", person}, field{"plan", plan},
		field{"total", terminal.Size(a.Total)}, field{"used", terminal.Size(a.Used)}, field{"free", terminal.Size(a.Free)},
		field{"in the trash", trash}, field{"largest file", limit},
	)
	return nil
}

// aboutFolders shows the space of each folder of a store that is made of several.
// One that cannot be reached is shown as such, and is the error at last.
func (s *session) aboutFolders(t target) error {
	_, children, err := t.List(s.ctx, t.name)
	if err != nil {
		return named(err, t)
	}
	a := foldersJSON{Remote: t.address, Folders: []folderSpaceJSON{}}
	var fields []field
	var failed error
	for child, err := range children {
		if err != nil {
			return named(err, t)
		}
		f := folderSpaceJSON{Name: child.Name}
		text := s.lang.Text("does not tell its space")
		switch space, err := backend.UsageIn(s.ctx, t.Backend, child.Name); {
		case err == nil:
			f.Total, f.Used, f.Free = space.Total, space.Used, space.Free()
			text = s.lang.Sprintf("%s of %s are free", terminal.Size(f.Free), terminal.Size(f.Total))
		case !errors.Is(err, errors.ErrUnsupported):
			err = named(err, t.in(child.Name))
			failed = errors.Join(failed, err)
			f.Error, text = err.Error(), s.lang.Text("not known")
		}
		a.Folders = append(a.Folders, f)
		fields = append(fields, field{s.out().Name("/" + child.Name), text})
	}
	if s.c.Bool("json") {
		return errors.Join(writeJSON(s.out(), a), failed)
	}
	s.printFields(s.out(), fields...)
	return failed
}
