package cmd

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

func (p program) linkCommand() *cli.Command {
	return &cli.Command{
		Name:      "link",
		Usage:     "print the public link of a file, or a temporary one",
		ArgsUsage: "PATH",
		Flags:     p.withStores(switchFlag("download", "print a link that anyone can download from for some hours"), jsonFlag()),
		Action: p.withTarget(func(s *session, t target) error {
			if s.c.Bool("download") {
				return s.printLink(t)
			}
			info, err := s.stat(t)
			if err != nil {
				return err
			}
			if info.Public == "" {
				return language.Errorf("%q is not public; 'davdisk share' makes it so, 'davdisk link --download' gives a temporary address", t.address)
			}
			return s.printAddress(t.address, info.Public, time.Time{})
		}),
	}
}

// printLink makes a temporary address and prints it.
func (s *session) printLink(t target) error {
	link, err := backend.DownloadLink(s.ctx, t, t.name)
	if errors.Is(err, backend.ErrIsDir) {
		err = backend.PathError("link", t.address, backend.ErrIsDir, "only files have such addresses")
	}
	if err != nil {
		return named(err, t)
	}
	return s.printAddress(t.address, link.URL, link.Expires)
}

type linkJSON struct {
	Path    string     `json:"path"`
	URL     string     `json:"url"`
	Expires *time.Time `json:"expires,omitempty"`
}

func (s *session) printAddress(path, url string, expires time.Time) error {
	out := s.out()
	if s.c.Bool("json") {
		return writeJSON(out, linkJSON{path, url, known(expires)})
	}
	_, err := fmt.Fprintln(out, out.Name(url))
	return err
}
