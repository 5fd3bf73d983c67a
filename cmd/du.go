package cmd

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) duCommand() *cli.Command {
	return &cli.Command{
		Name:      "du",
		Usage:     "show the size of folders",
		ArgsUsage: "[PATH …]",
		Flags:     p.withStores(jsonFlag()),
		Action: p.withSession(func(s *session, args []string) error {
			if len(args) == 0 {
				args = []string{defaultRemote}
			}
			args, err := s.expand(args)
			all := []usageJSON{}
			failed := each(args, func(address string) error {
				u, err := s.du(address)
				if err == nil {
					all = append(all, u)
				}
				return err
			})
			failed = errors.Join(err, failed)
			out := s.out()
			if s.c.Bool("json") {
				return errors.Join(failed, writeJSON(out, all))
			}
			for _, u := range all {
				fmt.Fprintf(out, "%10s  %s, %s  %s\n", terminal.Size(u.Bytes), counted(u.Files, "file").In(s.lang), counted(u.Folders, "folder").In(s.lang), out.Name(u.Path))
			}
			return failed
		}),
	}
}

type usageJSON struct {
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
	Files   int    `json:"files"`
	Folders int    `json:"folders"` // below the path, without itself
}

func (s *session) du(address string) (usageJSON, error) {
	u := usageJSON{Path: address}
	t, err := s.target(address)
	if err != nil {
		return u, err
	}
	for v, err := range s.walk(t, true) {
		if err != nil {
			return u, err
		}
		if v.info.Dir {
			u.Folders++
		} else {
			u.Files++
			u.Bytes += v.info.Size
		}
	}
	return u, nil
}
