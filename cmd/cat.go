package cmd

import (
	"errors"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) catCommand() *cli.Command {
	return &cli.Command{
		Name:      "cat",
		Usage:     "print files to standard output",
		ArgsUsage: "FILE …",
		Flags:     p.withStores(),
		Action: p.withSession(func(s *session, args []string) error {
			args, err := s.expand(args)
			return errors.Join(err, each(args, s.cat))
		}),
	}
}

func (s *session) cat(address string) error {
	t, err := s.target(address)
	if err != nil {
		return err
	}
	if t.folder {
		return backend.PathError("open", address, backend.ErrIsDir, "a name that ends in a slash is that of a folder")
	}
	return named(s.write(t), t)
}

// write brings a file to the standard output.
func (s *session) write(t target) error {
	content, err := t.Open(s.ctx, t.name, "")
	if err != nil {
		return err
	}
	defer content.Close()
	for again := false; ; again = true {
		r, err := content.Range(s.ctx, 0, -1)
		if err != nil {
			return err
		}
		n, err := io.Copy(s.c.App.Writer, transfer.Checked(r, content.Info()))
		r.Close()
		if n > 0 || again || !errors.As(err, new(transfer.OtherBytesError)) {
			return err
		}
	}
}
