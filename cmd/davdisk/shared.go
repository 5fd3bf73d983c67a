package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/davdisk/internal/terminal"
)

func sharedCommand() *cli.Command {
	return &cli.Command{
		Name:      "shared",
		Usage:     "list what is public, latest first",
		ArgsUsage: "[REMOTE:]",
		Flags:     withStores(jsonFlag()),
		Action: withSession(func(s *session) error {
			args, err := arguments(s.c, 0, 1)
			if err != nil {
				return err
			}
			t, err := s.target(append(args, defaultRemote)[0])
			if err != nil {
				return err
			}
			sharer, err := backend.Sharing(t.Backend)
			if err != nil {
				return named(err, t)
			}
			return printList(s, sharer.Shared(s.ctx), s.flatJSON(t), func(w terminal.Writer, e backend.Entry) {
				fmt.Fprintf(w, "%s  %s\n", w.Name(e.Info.Public), w.Name(flatName(e)))
			})
		}),
	}
}

// flatJSON gives entries of a whole store their addresses.
func (s *session) flatJSON(t target) func(backend.Entry) any {
	return func(e backend.Entry) any {
		root := t
		root.address = t.root
		return newEntryJSON(root.in(e.Path).address, e.Info)
	}
}

// flatName is the path of an entry; folders end in a slash.
func flatName(e backend.Entry) string {
	if e.Info.Dir {
		return e.Path + "/"
	}
	return e.Path
}
