package main

import (
	"net/url"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
)

func saveURLCommand() *cli.Command {
	return &cli.Command{
		Name:      "save-url",
		Usage:     "let the store itself download an address into a file",
		ArgsUsage: "URL REMOTE:PATH",
		Flags:     withStores(),
		Action: withSession(func(s *session) error {
			args, err := arguments(s.c, 2, 2)
			if err != nil {
				return err
			}
			if err := checkURL(args[0]); err != nil {
				return err
			}
			t, err := s.target(args[1])
			if err != nil {
				return err
			}
			return named(backend.Fetch(s.ctx, t, t.name, args[0]), t)
		}),
	}
}

func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return misuse("%q is no address; it begins with https:// or http://", address)
	}
	return nil
}
