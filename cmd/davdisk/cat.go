package main

import (
	"io"

	"github.com/urfave/cli/v2"
)

func catCommand() *cli.Command {
	return &cli.Command{
		Name:      "cat",
		Usage:     "write files to the standard output",
		ArgsUsage: "FILE …",
		Flags:     withStores(),
		Action: withSession(func(s *session) error {
			args, err := arguments(s.c, 1, -1)
			if err != nil {
				return err
			}
			for _, address := range args {
				t, err := s.target(address)
				if err != nil {
					return err
				}
				if err := s.cat(t); err != nil {
					return named(err, t)
				}
			}
			return nil
		}),
	}
}

func (s *session) cat(t target) error {
	content, err := t.Open(s.ctx, t.name, "")
	if err != nil {
		return err
	}
	defer content.Close()
	r, err := content.Range(s.ctx, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(s.c.App.Writer, r)
	return err
}
