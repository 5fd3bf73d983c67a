package cmd

import (
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) filesCommand() *cli.Command {
	return &cli.Command{
		Name:        "files",
		Usage:       "list all files of a store or below a folder, without folders",
		ArgsUsage:   "[REMOTE:PATH]",
		Description: "   davdisk files --type image --sort -size --limit 10\n   davdisk files --recent yandex:Docs",
		Flags: p.withStores(
			listFlag("type", "only files of this `KIND`: image, video, audio, document, …; repeatable"),
			textFlag("sort", "", "sort by `KEY`: name, path, created, modified or size; -size reverses"),
			switchFlag("recent", "only recent uploads, newest first"),
			numberFlag("limit", 0, "list at most `N` files; 0 lists all"),
			jsonFlag(),
		),
		Action: p.withSession(func(s *session, args []string) error {
			o := backend.FilesOptions{
				Types: s.c.StringSlice("type"), Sort: s.c.String("sort"), Recent: s.c.Bool("recent"), Limit: s.c.Int("limit"),
			}
			if err := checkFiles(o); err != nil {
				return err
			}
			t, err := s.flatTarget(append(args, defaultRemote)[0])
			if err != nil {
				return err
			}
			err = printList(s, backend.Files(s.ctx, t, o), s.flatJSON(t), func(w terminal.Writer, e backend.Entry) {
				printEntry(w, e.Path, e.Info)
			})
			return named(err, t)
		}),
	}
}

func checkFiles(o backend.FilesOptions) error {
	keys := []string{"", "name", "path", "created", "modified", "size", "-name", "-path", "-created", "-modified", "-size"}
	switch {
	case !slices.Contains(keys, o.Sort):
		return misuse("--sort: %q is none of name, path, created, modified, size", o.Sort)
	case o.Recent && o.Sort != "":
		return misuse("--recent has an order of its own: leave out --sort")
	case o.Limit < 0:
		return misuse("--limit must not be negative")
	}
	return nil
}
