package cmd

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/config"
)

// loadConfig reads the configuration that the command line names.
func (p program) loadConfig(c *cli.Context) (*config.File, error) {
	path := c.String("config")
	if path == "" {
		path = config.DefaultPath()
	} else if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !makesConfig(c) {
		return nil, misuse("--config: there is no %q; 'davdisk config init' makes it", path)
	}
	return config.Load(path, p.configRules(c.App))
}

// configRules returns what a configuration may hold: what the commands take.
func (p program) configRules(app *cli.App) config.Rules {
	return config.Rules{
		Command: func(name string) bool { return app.Command(name) != nil },
		Flag: func(command, name string) bool {
			return p.isSecretOption(name) || hasFlag(app.Commands, command, name)
		},
		Near: func(command, name string) string {
			return nearest(name, configKeys(app.Commands, command))
		},
		Secret: func(driver, option string) bool {
			return driver == "" && p.isSecretOption(option) || option == "pass" || option == "client-secret" || p.isSecretOption(driver+"-"+option)
		},
	}
}

// configKeys are the keys that a configuration may hold in the table of a
// command or, for "", outside of all tables: flags, and the names of tables.
func configKeys(commands []*cli.Command, command string) []string {
	var keys []string
	if command == "" {
		keys = []string{"remotes", "users"}
	}
	for _, c := range commands {
		if command != "" && c.Name != command {
			continue
		}
		if command == "" {
			keys = append(keys, c.Name)
		}
		for _, f := range c.Flags {
			keys = append(keys, f.Names()[0])
		}
		for _, below := range c.Subcommands {
			for _, f := range below.Flags {
				keys = append(keys, f.Names()[0])
			}
		}
	}
	return keys
}

// makesConfig reports whether a command works without the file.
func makesConfig(c *cli.Context) bool {
	return slices.Contains([]string{"remotes add", "config init", "config path"}, commandPath(c))
}

// hasFlag reports whether a command, or any of those below it, has a flag.
func hasFlag(commands []*cli.Command, command, name string) bool {
	return slices.ContainsFunc(commands, func(c *cli.Command) bool {
		return (command == "" || c.Name == command) &&
			(slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return f.Names()[0] == name }) || hasFlag(c.Subcommands, "", name))
	})
}

// isSecretOption reports whether a name, such as "yandex-token", has a place in
// the configuration but no flag.
func (p program) isSecretOption(name string) bool {
	o, ok := p.driverOption(name)
	return ok && o.Secret
}

// driverOption finds the option that a flag such as "yandex-rate" stands for.
func (p program) driverOption(flag string) (backend.Option, bool) {
	for _, d := range p.drivers {
		for _, o := range d.Options {
			if flag == d.Name+"-"+o.Name {
				return o, true
			}
		}
	}
	return backend.Option{}, false
}

// fillFromConfig gives the flags that neither the command line nor the
// environment sets the values of the configuration. Options of drivers are
// left to the session: a remote's own come before them.
func (p program) fillFromConfig(c *cli.Context) error {
	cfg, err := p.loadConfig(c)
	if err != nil {
		return err
	}
	top, _, _ := strings.Cut(commandPath(c), " ")
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if _, ok := p.driverOption(name); ok || c.IsSet(name) || name == "config" {
			continue
		}
		values, ok := cfg.Commands[top][name]
		if !ok {
			values = cfg.Flags[name]
		}
		for _, value := range values {
			err := checkFlagKind(f, value)
			if err == nil {
				err = c.Set(name, value)
			}
			if err != nil {
				return misuse("%s: %s: %v", cfg.Path, name, err)
			}
		}
	}
	if format := c.String("log-format"); format != "text" && format != "json" {
		return misuse("--log-format: %q is neither text nor json", format)
	}
	return nil
}
