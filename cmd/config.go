package cmd

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/state"
)

func (p program) configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "make, check and show the configuration, show where davdisk keeps its files",
		Subcommands: []*cli.Command{{
			Name:   "init",
			Usage:  "write an example of a configuration, all of it commented out, where there is none",
			Action: p.initConfig,
		}, {
			Name:   "show",
			Usage:  "print the configuration in effect by file, environment and flags, without secrets",
			Flags:  p.withStores(),
			Action: p.withSession((*session).showConfig),
		}, {
			Name:   "check",
			Usage:  "check the configuration: keys, remotes, users",
			Flags:  p.withStores(),
			Action: p.withSession((*session).checkConfig),
		}, {
			Name:  "path",
			Usage: "print the paths of configuration, state and cache",
			Flags: []cli.Flag{jsonFlag()},
			Action: func(c *cli.Context) error {
				if _, err := arguments(c); err != nil {
					return err
				}
				paths := pathsJSON{Config: c.String("config"), State: c.String("state-dir"), Cache: state.DefaultCacheDir()}
				if paths.Config == "" {
					paths.Config = config.DefaultPath()
				}
				if paths.State == "" {
					paths.State = state.DefaultDir()
				}
				out := newOut(c)
				if c.Bool("json") {
					return writeJSON(out, paths)
				}
				p.printFields(out, field{"config", paths.Config}, field{"state", paths.State}, field{"cache", paths.Cache})
				return nil
			},
		}},
	}
}

// checkConfig checks what is read late: the session has read the rest.
func (s *session) checkConfig([]string) error {
	if mistakes := s.configMistakes(); len(mistakes) > 0 {
		return errors.Join(mistakes...)
	}
	_, err := s.lang.Fprintf(s.c.App.Writer, "%s: %d remotes, %d users, no mistakes\n", s.cfg.Path, len(s.cfg.Remotes), len(s.cfg.Users))
	return err
}

type pathsJSON struct {
	Config string `json:"config"`
	State  string `json:"state"`
	Cache  string `json:"cache"`
}
