package cmd

import (
	_ "embed"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/config"
)

// exampleConfig has every kind of section, all of it commented out.
//
//go:embed config_example.toml
var exampleConfig string

func (p program) initConfig(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	path := c.String("config")
	if path == "" {
		path = config.DefaultPath()
	}
	if err := config.Create(path, exampleConfig); err != nil {
		return err
	}
	out := newOut(c)
	_, err := p.lang.Fprintf(out, "%s: written; everything in it is commented out\n", out.Name(path))
	return err
}
