package cmd

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/config"
)

// showConfig prints the configuration in effect. Of a secret it prints only
// whether it is set.
func (s *session) showConfig([]string) error {
	f, err := s.effectiveConfig()
	if err != nil {
		return err
	}
	return f.Print(s.out())
}

// effectiveConfig returns the configuration with the values of the environment
// and the command line in place of its own. A secret that is not set is empty.
func (s *session) effectiveConfig() (*config.File, error) {
	f := *s.cfg
	f.Flags, f.Commands, f.Remotes = maps.Clone(f.Flags), map[string]map[string][]string{}, map[string]config.Remote{}
	for command, flags := range s.cfg.Commands {
		f.Commands[command] = maps.Clone(flags)
	}
	for name, known := range everyFlag(s.c.App.Commands) {
		if values := s.outsideOfConfig(name, known); len(values) > 0 {
			override(&f, name, values, known.commands)
		}
	}
	for _, d := range s.drivers {
		for _, o := range d.Options {
			if !o.Secret {
				continue
			}
			name := d.Name + "-" + o.Name
			value, err := s.secret(name)
			if err != nil {
				return nil, err
			}
			if value != "" || f.Flags[name] == nil {
				f.Flags[name] = []string{value}
			}
		}
	}
	for name, remote := range s.cfg.Remotes {
		opts, err := s.options(remote)
		if err != nil {
			return nil, err
		}
		s.preferAccount(remote, opts)
		own := map[string]string{}
		for option := range remote.Options {
			own[option] = opts[option]
		}
		for _, d := range s.drivers {
			for _, o := range d.Options {
				if d.Name == remote.Driver && o.Secret {
					own[o.Name] = opts[o.Name]
				}
			}
		}
		f.Remotes[name] = config.Remote{Driver: remote.Driver, Options: own}
	}
	return &f, nil
}

// override sets a flag wherever the configuration has it, and otherwise in the
// table of its command or, if several have it, outside of all tables.
func override(f *config.File, name string, values []string, commands map[string]bool) {
	_, there := f.Flags[name]
	for _, flags := range f.Commands {
		if _, inTable := flags[name]; inTable {
			flags[name] = values
			there = there || len(commands) == 1
		}
	}
	if _, outside := f.Flags[name]; outside || len(commands) > 1 {
		f.Flags[name] = values
	} else if !there {
		for command := range commands {
			if f.Commands[command] == nil {
				f.Commands[command] = map[string][]string{}
			}
			f.Commands[command][name] = values
		}
	}
}

// A knownFlag is a flag with the commands that have it, or whose subcommands do.
type knownFlag struct {
	variables []string
	list      bool
	commands  map[string]bool
}

// everyFlag returns the flags of all commands by name. Those of service are serve's.
func everyFlag(commands []*cli.Command) map[string]*knownFlag {
	all := map[string]*knownFlag{}
	for _, c := range commands {
		if c.Name == "service" {
			continue
		}
		for _, below := range append([]*cli.Command{c}, c.Subcommands...) {
			for _, f := range below.Flags {
				name := f.Names()[0]
				if all[name] == nil {
					_, list := f.(*cli.StringSliceFlag)
					all[name] = &knownFlag{list: list, commands: map[string]bool{}}
					if documented, ok := f.(cli.DocGenerationFlag); ok {
						all[name].variables = documented.GetEnvVars()
					}
				}
				all[name].commands[c.Name] = true
			}
		}
	}
	return all
}

// outsideOfConfig returns what the command line or the environment says of a
// flag. --config and --output are about this run alone.
func (s *session) outsideOfConfig(name string, known *knownFlag) []string {
	if name == "config" {
		return nil
	}
	if s.c.IsSet(name) && name != "output" {
		value := fmt.Sprint(s.c.Value(name))
		if !slices.Contains(s.configured(name), value) {
			return []string{value}
		}
	}
	for _, variable := range known.variables {
		value := os.Getenv(variable)
		switch {
		case value == "":
		case known.list:
			return strings.Split(value, ",")
		default:
			return []string{value}
		}
	}
	return nil
}
