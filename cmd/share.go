package cmd

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
)

func (p program) shareCommand() *cli.Command {
	return &cli.Command{
		Name:      "share",
		Usage:     "make a file or folder public and print its link",
		ArgsUsage: "PATH",
		Flags:     p.withStores(jsonFlag()),
		Action: p.withSession(func(s *session) error {
			args, err := arguments(s.c, 1, 1)
			if err != nil {
				return err
			}
			t, err := s.target(args[0])
			if err != nil {
				return err
			}
			sharer, err := backend.Sharing(t.Backend)
			if err != nil {
				return named(err, t)
			}
			address, err := sharer.Share(s.ctx, t.name)
			if err != nil {
				return named(err, t)
			}
			return s.printAddress(t.address, address, time.Time{})
		}),
	}
}
