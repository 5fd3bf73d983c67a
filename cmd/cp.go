package cmd

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
)

func (p program) cpCommand() *cli.Command {
	return &cli.Command{
		Name:      "cp",
		Usage:     "copy files and folders: up, down, within a store or between two",
		ArgsUsage: "FROM … TO",
		Description: "FROM may be - for the standard input, and * and ? stand for parts of names, also on a remote. Times are kept. A folder\n" +
			"that ends in a slash, or is there, is copied into. Files that are the same already are skipped, so that a copy that was\n" +
			"interrupted goes on when it is repeated; for a copy that is repeated regularly there is 'davdisk sync'.\n\n" +
			"   davdisk cp -r ./photos yandex:Backup\n   davdisk cp 'yandex:Docs/*.txt' .\n   tar c work | davdisk cp - yandex:work.tar",
		Flags: p.withStores(append([]cli.Flag{
			switchFlag("recursive", "include folders and their content", "r", "R"),
			overwriteFlag(),
			noWaitFlag(),
		}, transferFlags(filterFlags()...)...)...),
		Action: p.withSession(func(s *session, args []string) error {
			if len(args) == 2 && args[0] == standardInput {
				return s.copyInput(args[1])
			}
			return s.eachPair(args, func(p pair) (*task, error) {
				if p.info.Dir && !s.c.Bool("recursive") {
					return nil, backend.PathError("cp", p.from.address, backend.ErrIsDir, "-r copies it with all that is in it")
				}
				return s.copy(p)
			})
		}),
	}
}

func overwriteFlag() cli.Flag {
	return switchFlag("overwrite", "replace existing files; folders are merged", "f")
}

// copy plans to copy one source: by the store itself where both are in the same
// one and nothing is there yet.
func (s *session) copy(p pair) (*task, error) {
	if p.from.root != p.to.root || p.replaces != nil || s.filtered() {
		return s.plan(p, s.planOptions(p))
	}
	j := &task{pair: p, verb: "copy"}
	j.direct = func() error {
		err := backend.Copy(s.ctx, p.from, p.from.name, p.to.name, backend.CopyOptions{})
		if !errors.Is(err, errors.ErrUnsupported) {
			return namedBoth(err, p.from, p.to)
		}
		planned, err := s.plan(p, s.planOptions(p))
		if err == nil {
			j.plan = planned.plan
		}
		return err
	}
	return j, nil
}
