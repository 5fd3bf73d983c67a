package cmd

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/webdav"
)

// configMistakes returns what is wrong with the values of the configuration, which
// otherwise only the command that uses one would say.
func (s *session) configMistakes() (all []error) {
	mistake := func(key string, err error) {
		if err != nil {
			all = append(all, language.Errorf("%s: %q: %w", s.cfg.Path, key, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Flags)) {
		mistake(name, s.checkFlag("", name, s.cfg.Flags[name], s.cfg.IsText(name)))
	}
	for _, command := range slices.Sorted(maps.Keys(s.cfg.Commands)) {
		flags := s.cfg.Commands[command]
		for _, name := range slices.Sorted(maps.Keys(flags)) {
			mistake(command+"."+name, s.checkFlag(command, name, flags[name], s.cfg.IsText(command, name)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Remotes)) {
		remote := s.cfg.Remotes[name]
		for _, o := range s.optionsOf(remote.Driver) {
			if value, ok := remote.Options[o.Name]; ok && o.Bool {
				mistake("remotes."+name+"."+o.Name, checkBool(value))
			}
		}
		option, err := s.checkRemoteOptions(name, remote)
		mistake("remotes."+name+"."+option, err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Users)) {
		_, err := configuredUser(name, s.cfg.Users[name])
		mistake("users."+name, err)
	}
	return all
}

// checkFlag checks the values that a flag of a command has, or for "" of any. A
// flag that several commands have may be of several kinds.
func (s *session) checkFlag(command, name string, values []string, isText bool) (err error) {
	if o, ok := s.driverOption(name); ok {
		if o.Bool {
			return checkBool(strings.Join(values, ","))
		}
		driver, _ := strings.CutSuffix(name, "-"+o.Name)
		_, err := s.checkRemoteOptions("any", config.Remote{Driver: driver, Options: map[string]string{o.Name: strings.Join(values, ",")}})
		return err
	}
	for _, f := range flagsNamed(s.c.App.Commands, command, name) {
		if err = checkFlagValues(f, values, isText); err == nil {
			return nil
		}
	}
	return err
}

// flagsNamed returns the flags of a name that a command has, or any of those
// below it.
func flagsNamed(commands []*cli.Command, command, name string) (all []cli.Flag) {
	for _, c := range commands {
		if command != "" && c.Name != command {
			continue
		}
		for _, f := range c.Flags {
			if f.Names()[0] == name {
				all = append(all, untranslated(f))
			}
		}
		all = append(all, flagsNamed(c.Subcommands, "", name)...)
	}
	return all
}

func checkFlagValues(f cli.Flag, values []string, isText bool) error {
	if _, list := f.(*cli.StringSliceFlag); list {
		return nil
	}
	if len(values) != 1 {
		return language.Errorf("want one value, not %d", len(values))
	}
	value := values[0]
	text, ok := f.(*cli.StringFlag)
	switch {
	case !ok:
		return checkFlagKind(f, value)
	case !isText && !isQuantity(text.Value):
		return errors.New("it is not a text; write it in quotes") // it may be a password, and is not shown
	}
	return checkText(text.Name, value)
}

// checkFlagKind checks whether a flag takes such a value.
func checkFlagKind(f cli.Flag, value string) error {
	switch untranslated(f).(type) {
	case *cli.BoolFlag:
		return checkBool(value)
	case *cli.IntFlag:
		if _, err := strconv.ParseInt(value, 0, strconv.IntSize); err != nil {
			return language.Errorf("%q is not a whole number", value)
		}
	case *cli.DurationFlag:
		if _, err := time.ParseDuration(value); err != nil {
			return language.Errorf("%q is not a duration such as 30s, 5m or 1h30m", value)
		}
	}
	return nil
}

// isQuantity reports whether a text such as 1G or 50% is a number with a unit.
func isQuantity(text string) bool {
	_, err := strconv.Atoi(strings.TrimRight(text, "KMGT%"))
	return err == nil
}

// checkText checks a text that must be one of a kind.
func checkText(flag, value string) (err error) {
	switch flag {
	case "cache-size", "spool-size":
		_, err = terminal.ParseSize(value)
	case "max-delete":
		if _, failed := parseMost(value); failed != nil {
			err = language.Errorf("%q is neither a percentage nor a number; write 10%% or 200", value)
		}
	case "litter":
		_, err = webdav.ParseLitterMode(value)
	case "log-format":
		if value != "text" && value != "json" {
			err = language.Errorf("%q is neither text nor json", value)
		}
	}
	return err
}

func checkBool(value string) error {
	if _, err := strconv.ParseBool(value); err != nil {
		return language.Errorf("%q is neither true nor false", value)
	}
	return nil
}

// optionsOf returns the options of a driver.
func (s *session) optionsOf(driver string) []backend.Option {
	for _, d := range s.drivers {
		if d.Name == driver {
			return d.Options
		}
	}
	return nil
}

// checkRemoteOptions opens a remote without a network and without state, with a
// context that has ended: a driver looks at its options first. It returns what the
// driver says of an option of the configuration.
func (s *session) checkRemoteOptions(name string, remote config.Remote) (option string, err error) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	r := backend.NewRegistry(backend.Env{Log: slog.New(slog.DiscardHandler), Transport: noNetwork()})
	for _, d := range s.drivers {
		if d.Name == remote.Driver { // no other: what is wrong with another remote is said of that
			r.Register(d)
		}
	}
	if err := r.Remote(name, remote.Driver, remote.Options); err != nil {
		return "", err
	}
	b, err := r.Open(ctx, name+":")
	if err == nil {
		return "", closeBackend(b)
	}
	for _, o := range s.optionsOf(remote.Driver) {
		before, said, found := strings.Cut(err.Error(), "option "+o.Name+": ")
		if _, set := remote.Options[o.Name]; set && found && !o.Bool && !strings.Contains(before, "option ") {
			return o.Name, errors.New(said)
		}
	}
	return "", nil
}

// noNetwork returns a transport that sends nothing. It is an *http.Transport, which
// drivers can give certificates of their own.
func noNetwork() *http.Transport {
	return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("the configuration is checked without a network")
	}}
}
