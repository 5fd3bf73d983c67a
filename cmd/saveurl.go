package cmd

import (
	"net/url"
	"path"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) saveURLCommand() *cli.Command {
	return &cli.Command{
		Name:        "save-url",
		Usage:       "let the store download a URL into a file",
		ArgsUsage:   "URL REMOTE:PATH",
		Description: "PATH is the new file, or a folder that is there: then the file is called as in the address.\nNothing passes through this machine. What is there is not replaced.",
		Flags:       p.withStores(),
		Action: p.withSession(func(s *session, args []string) error {
			if err := checkURL(args[0]); err != nil {
				return err
			}
			t, err := s.target(args[1])
			if err != nil {
				return err
			}
			if t, err = s.place(t, func() (string, error) { return nameInURL(args[0]) }); err != nil {
				return err
			}
			return named(backend.Fetch(s.ctx, t, t.name, args[0]), t)
		}),
	}
}

// nameInURL is the last part of the path of an address.
func nameInURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	base := path.Base(u.Path)
	if transfer.CheckBase(base) != nil {
		return "", misuse("%q ends in no name: say what the file is to be called", address)
	}
	return base, nil
}

func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return misuse("%q is no address; it begins with https:// or http://", address)
	}
	return nil
}
