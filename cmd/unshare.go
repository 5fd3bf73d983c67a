package cmd

import (
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
)

func (p program) unshareCommand() *cli.Command {
	return &cli.Command{
		Name:      "unshare",
		Usage:     "make files and folders private again",
		ArgsUsage: "PATH …",
		Flags:     p.withStores(),
		Action: p.withSession(func(s *session, args []string) error {
			return each(args, s.unshare)
		}),
	}
}

func (s *session) unshare(address string) error {
	t, err := s.target(address)
	if err != nil {
		return err
	}
	sharer, err := backend.Sharing(t.Backend)
	if err != nil {
		return named(err, t)
	}
	if err := s.checkSlash(t); err != nil {
		return err
	}
	return named(sharer.Unshare(s.ctx, t.name), t)
}
