package cmd

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func (p program) driversCommand() *cli.Command {
	return &cli.Command{
		Name:        "drivers",
		Usage:       "list the drivers and their options",
		ArgsUsage:   "[DRIVER]",
		Description: "An option is a flag (--yandex-rate), a variable (DAVDISK_YANDEX_RATE), and a key of a remote in the configuration (rate).\nOne that is a secret is a flag that names a file (--yandex-token-file), a variable, and a key.",
		Flags:       []cli.Flag{jsonFlag()},
		Action:      p.listDrivers,
	}
}

type driverJSON struct {
	Name    string       `json:"name"`
	Options []optionJSON `json:"options"`
}

type optionJSON struct {
	Name    string `json:"name"`
	Help    string `json:"help"`
	Default string `json:"default,omitempty"`
	Bool    bool   `json:"bool,omitempty"`
	Secret  bool   `json:"secret,omitempty"`
}

func (p program) listDrivers(c *cli.Context) error {
	args, err := arguments(c)
	if err != nil {
		return err
	}
	all, names := []driverJSON{}, []string(nil)
	for _, d := range p.drivers {
		names = append(names, d.Name)
		if len(args) > 0 && d.Name != args[0] {
			continue
		}
		described := driverJSON{d.Name, []optionJSON{}}
		for _, o := range d.Options {
			described.Options = append(described.Options, optionJSON{o.Name, o.Help, o.Default, o.Bool, o.Secret})
		}
		all = append(all, described)
	}
	if len(all) == 0 {
		return misuse("no driver is called %q; there are %q", args[0], names)
	}
	out := newOut(c)
	if c.Bool("json") {
		return writeJSON(out, all)
	}
	for _, d := range all {
		fmt.Fprintf(out, "%s:\n", d.Name)
		for _, o := range d.Options {
			note := ""
			if o.Secret {
				note = p.lang.Text(" (secret)")
			} else if o.Default != "" {
				note = p.lang.Sprintf(" (default: %s)", o.Default)
			}
			fmt.Fprintf(out, "  %-22s %s%s\n", o.Name, p.lang.Text(o.Help), note)
		}
	}
	return nil
}
