package cmd

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) sharedCommand() *cli.Command {
	return &cli.Command{
		Name:      "shared",
		Usage:     "list public files and folders, latest first",
		ArgsUsage: "[REMOTE:PATH]",
		Flags:     p.withStores(jsonFlag()),
		Action: p.withSession(func(s *session, args []string) error {
			t, err := s.flatTarget(append(args, defaultRemote)[0])
			if err != nil {
				return err
			}
			sharer, err := backend.Sharing(t.Backend)
			if err != nil {
				return named(err, t)
			}
			err = printList(s, sharer.Shared(s.ctx), s.flatJSON(t), func(w terminal.Writer, e backend.Entry) {
				fmt.Fprintf(w, "%s  %s\n", w.Name(e.Info.Public), w.Name(flatName(e)))
			})
			return named(err, t)
		}),
	}
}

// flatTarget opens the folder that an address names as a root of its own: lists
// without folders are of all that is below a root.
func (s *session) flatTarget(address string) (target, error) {
	t, err := s.target(address)
	if err != nil || t.name == "." {
		return t, err
	}
	info, err := s.stat(t)
	if err != nil {
		return target{}, err
	}
	if !info.Dir {
		return target{}, backend.PathError("list", address, backend.ErrNotDir, "")
	}
	t.root, t.name = t.full(), "."
	t.Backend, err = s.backend(t.root)
	return t, err
}

// flatJSON gives the entries of such a list their addresses.
func (s *session) flatJSON(t target) func(backend.Entry) any {
	return func(e backend.Entry) any { return newEntryJSON(t.in(e.Path).address, e.Info) }
}

// flatName is the path of an entry; folders end in a slash.
func flatName(e backend.Entry) string {
	if e.Info.Dir && e.Path != "." {
		return e.Path + "/"
	}
	return e.Path
}
