package cmd

import (
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
)

func (p program) rmCommand() *cli.Command {
	return &cli.Command{
		Name:      "rm",
		Usage:     "delete files and folders; they go to the trash if the store has one",
		ArgsUsage: "PATH …",
		Flags: p.withStores(
			switchFlag("recursive", "include folders and their content", "r", "R"),
			switchFlag("permanently", "delete permanently instead of moving to the trash"),
		),
		Action: p.withSession(func(s *session, args []string) error {
			return each(args, s.remove)
		}),
	}
}

func (s *session) remove(address string) error {
	t, err := s.entry(address)
	if err != nil {
		return err
	}
	info, err := s.stat(t)
	if err != nil {
		return err
	}
	if info.Dir && !s.c.Bool("recursive") {
		return backend.PathError("rm", address, backend.ErrIsDir, "-r deletes it with all that is in it")
	}
	if err := t.Remove(s.ctx, t.name, backend.RemoveOptions{Permanent: s.c.Bool("permanently"), IfVersion: info.Version}); err != nil {
		return named(err, t)
	}
	s.log.Debug("removed", "name", address)
	return nil
}
