package cmd

import (
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/state"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "show where davdisk keeps its files",
		Subcommands: []*cli.Command{{
			Name:  "path",
			Usage: "print the paths of configuration, state and cache",
			Flags: []cli.Flag{jsonFlag()},
			Action: func(c *cli.Context) error {
				if _, err := arguments(c); err != nil {
					return err
				}
				p := pathsJSON{Config: c.String("config"), State: c.String("state-dir"), Cache: state.DefaultCacheDir()}
				if p.Config == "" {
					p.Config = config.DefaultPath()
				}
				if p.State == "" {
					p.State = state.DefaultDir()
				}
				out := newOut(c)
				if c.Bool("json") {
					return writeJSON(out, p)
				}
				printFields(out, field{"config", p.Config}, field{"state", p.State}, field{"cache", p.Cache})
				return nil
			},
		}},
	}
}

type pathsJSON struct {
	Config string `json:"config"`
	State  string `json:"state"`
	Cache  string `json:"cache"`
}
