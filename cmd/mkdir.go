package cmd

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

func (p program) mkdirCommand() *cli.Command {
	return &cli.Command{
		Name:      "mkdir",
		Usage:     "create folders",
		ArgsUsage: "PATH …",
		Flags:     p.withStores(switchFlag("parents", "create parent folders; an existing folder is no error", "p")),
		Action: p.withSession(func(s *session, args []string) error {
			return each(args, s.mkdir)
		}),
	}
}

func (s *session) mkdir(address string) error {
	t, err := s.target(address)
	if err != nil {
		return err
	}
	if s.c.Bool("parents") {
		return named(t.mkdirAll(s.ctx, t.name), t)
	}
	err = named(t.Mkdir(s.ctx, t.name), t)
	if errors.Is(err, fs.ErrNotExist) {
		err = language.Errorf("%w; -p makes the folders above it too", err)
	}
	return err
}

// mkdirAll makes a folder and those above it that are missing.
func (t target) mkdirAll(ctx context.Context, name string) error {
	err := t.Mkdir(ctx, name)
	if errors.Is(err, fs.ErrNotExist) && name != "." {
		if err := t.mkdirAll(ctx, path.Dir(name)); err != nil {
			return err
		}
		err = t.Mkdir(ctx, name)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, statErr := t.Stat(ctx, name)
	if statErr == nil && !info.Dir {
		return backend.PathError("mkdir", name, fs.ErrExist, "a file has this name")
	}
	return statErr
}
