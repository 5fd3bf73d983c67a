package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) remotesCommand() *cli.Command {
	return &cli.Command{
		Name:  "remotes",
		Usage: "manage remotes: names for accounts and folders",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "add a remote to the configuration", ArgsUsage: "NAME DRIVER [OPTION=VALUE …]",
				Description: "OPTION is root, the folder that the remote begins at, or an option of the driver:\ndavdisk remotes add work yandex account=work root=Team\n" +
					"On a terminal it asks for options that have no default, and tries the remote before it is added. Secrets are kept in the configuration, which then is its owner's alone.",
				Action: p.withConfig(p.addRemote),
			},
			{Name: "ls", Usage: "list the remotes", Flags: []cli.Flag{jsonFlag()}, Action: p.withConfig(p.listRemotes)},
			{Name: "show", Usage: "show one remote", ArgsUsage: "NAME", Flags: []cli.Flag{jsonFlag()}, Action: p.withConfig(p.showRemote)},
			{Name: "rm", Usage: "remove a remote from the configuration; nothing is deleted in the store", ArgsUsage: "NAME", Action: p.withConfig(removeRemote)},
		},
	}
}

// withConfig turns work on the configuration into an action.
func (p program) withConfig(work func(*cli.Context, *config.File) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		cfg, err := p.loadConfig(c)
		if err != nil {
			return err
		}
		return work(c, cfg)
	}
}

func (p program) addRemote(c *cli.Context, cfg *config.File) error {
	args, err := arguments(c)
	if err != nil {
		return err
	}
	name, r := strings.TrimSuffix(args[0], ":"), config.Remote{Driver: args[1], Options: map[string]string{}}
	for _, arg := range args[2:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return misuse("%q is no option; write OPTION=VALUE", arg)
		}
		if p.isSecretOption(r.Driver + "-" + key) {
			return misuse("%s is a secret and does not belong on a command line: use davdisk login, or the variable %s", key, variable(r.Driver+"-"+key))
		}
		r.Options[key] = value
	}
	check := backend.NewRegistry(backend.Env{})
	for _, d := range p.drivers {
		check.Register(d)
	}
	if err := check.Remote(name, r.Driver, r.Options); err != nil {
		return misuse("%v", err)
	}
	if _, taken := cfg.Remotes[name]; !taken && terminal.Is(c.App.Reader) {
		if add, err := p.askRemote(c, name, r); err != nil || !add {
			return err
		}
	}
	return cfg.Add(name, r)
}

type remoteJSON struct {
	Name    string            `json:"name"`
	Driver  string            `json:"driver"`
	Options map[string]string `json:"options,omitempty"`
}

// newRemoteJSON leaves secrets out.
func (p program) newRemoteJSON(name string, r config.Remote) remoteJSON {
	options := maps.Clone(r.Options)
	for key := range options {
		if p.isSecretOption(r.Driver + "-" + key) {
			options[key] = "(secret)"
		}
	}
	return remoteJSON{name, r.Driver, options}
}

func (p program) listRemotes(c *cli.Context, cfg *config.File) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	all := []remoteJSON{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Remotes)) {
		all = append(all, p.newRemoteJSON(name, cfg.Remotes[name]))
	}
	out := newOut(c)
	if c.Bool("json") {
		return writeJSON(out, all)
	}
	for _, r := range all {
		fmt.Fprintf(out, "%s:  %s %s\n", out.Name(r.Name), r.Driver, out.Name(r.text()))
	}
	return nil
}

// text is the options as they would be typed.
func (r remoteJSON) text() string {
	var options []string
	for _, key := range slices.Sorted(maps.Keys(r.Options)) {
		options = append(options, key+"="+r.Options[key])
	}
	return strings.Join(options, " ")
}

func (p program) showRemote(c *cli.Context, cfg *config.File) error {
	args, err := arguments(c)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(args[0], ":")
	remote, ok := cfg.Remotes[name]
	if !ok {
		return language.Errorf("%w: %q", config.ErrNoRemote, name)
	}
	r, out := p.newRemoteJSON(name, remote), newOut(c)
	if c.Bool("json") {
		return writeJSON(out, r)
	}
	fields := []field{{"name", r.Name}, {"driver", r.Driver}}
	for _, key := range slices.Sorted(maps.Keys(r.Options)) {
		fields = append(fields, field{key, r.Options[key]})
	}
	program{}.printFields(out, fields...) // by their names in the configuration
	return nil
}

func removeRemote(c *cli.Context, cfg *config.File) error {
	args, err := arguments(c)
	if err != nil {
		return err
	}
	return cfg.Remove(strings.TrimSuffix(args[0], ":"))
}
