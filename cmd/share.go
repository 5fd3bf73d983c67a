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
		Action: p.withTarget(func(s *session, t target) error {
			sharer, err := backend.Sharing(t.Backend)
			if err != nil {
				return named(err, t)
			}
			if err := s.checkSlash(t); err != nil {
				return err
			}
			address, err := sharer.Share(s.ctx, t.name)
			if err != nil {
				return named(err, t)
			}
			return s.printAddress(t.address, address, time.Time{})
		}),
	}
}
