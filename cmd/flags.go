package cmd

import (
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
)

// variable is the environment variable of a flag.
func variable(name string) string {
	return "DAVDISK_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// A flag is made by one of these, so that none is without its variable.

func textFlag(name, value, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Value: value, Usage: usage, EnvVars: []string{variable(name)}}
}

func listFlag(name, usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, EnvVars: []string{variable(name)}}
}

func switchFlag(name, usage string, aliases ...string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, Aliases: aliases, EnvVars: []string{variable(name)}, DisableDefaultText: true}
}

// verboseFlag counts: -vv is more than -v.
func verboseFlag() cli.Flag {
	f := &cli.BoolFlag{
		Name: "verbose", Usage: "log what is done; -vv logs the calls to the service as well", Aliases: []string{"v"},
		EnvVars: []string{variable("verbose")}, DisableDefaultText: true, Count: new(int),
	}
	return f
}

func numberFlag(name string, value int, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, Value: value, Usage: usage, EnvVars: []string{variable(name)}}
}

func durationFlag(name string, value time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, Usage: usage, EnvVars: []string{variable(name)}}
}

func jsonFlag() cli.Flag { return switchFlag("json", "print JSON, for scripts") }

// commonFlags are those of every command.
func commonFlags() []cli.Flag {
	const category = "EVERYWHERE"
	flags := []cli.Flag{
		textFlag("config", "", "configuration `FILE`"),
		textFlag("state-dir", "", "`DIR` of logins, locks and journals"),
		textFlag("log-format", "text", "log `FORMAT`: text or json"),
		verboseFlag(),
		switchFlag("quiet", "log errors only", "q"),
	}
	for _, f := range flags {
		categorize(f, category)
	}
	return flags
}

// driverFlags are the options of all drivers: --yandex-hard-delete. A secret
// has a file, --yandex-token-file, and a variable, but no flag that would show
// it to every user of the machine.
func (p program) driverFlags() []cli.Flag {
	var flags []cli.Flag
	for _, d := range p.drivers {
		for _, o := range d.Options {
			name := d.Name + "-" + o.Name
			var f cli.Flag
			switch {
			case o.Secret:
				f = textFlag(name+"-file", "", p.lang.Sprintf("`FILE` that holds: %s", p.lang.Text(o.Help)))
			case o.Bool:
				f = switchFlag(name, p.lang.Text(o.Help))
			default:
				f = textFlag(name, "", "`"+placeholder(o.Name)+"`: "+p.lang.Text(o.Help)+p.defaultNote(o))
			}
			categorize(f, "STORES")
			flags = append(flags, f)
		}
	}
	return flags
}

// placeholder stands for a value in the help: URL for api-url.
func placeholder(option string) string {
	return strings.ToUpper(option[strings.LastIndex(option, "-")+1:])
}

func (p program) defaultNote(o backend.Option) string {
	if o.Default == "" {
		return ""
	}
	return p.lang.Sprintf(" (default: %s)", o.Default)
}

func categorize(f cli.Flag, category string) {
	switch f := f.(type) {
	case *cli.StringFlag:
		f.Category = category
	case *cli.BoolFlag:
		f.Category = category
	}
}

// withStores adds the flags of a command that opens remotes.
func (p program) withStores(flags ...cli.Flag) []cli.Flag { return append(flags, p.driverFlags()...) }

// arguments are those of a command, as many as its usage has: what is in
// brackets may be left out, and there may be more of what has an ellipsis.
func arguments(c *cli.Context) ([]string, error) {
	args := c.Args().Slice()
	required, most := 0, 0
	for word := range strings.FieldsSeq(c.Command.ArgsUsage) {
		if strings.HasPrefix(word, "…") {
			most = math.MaxInt16
			continue
		}
		most++
		if !strings.HasPrefix(word, "[") {
			required++
		}
	}
	usage := strings.TrimSpace("davdisk " + commandPath(c) + " " + c.Command.ArgsUsage)
	if len(args) < required {
		return nil, misuse("too few arguments; usage: %s", usage)
	}
	if len(args) > most {
		return nil, misuse("too many arguments; usage: %s", usage)
	}
	for _, arg := range args {
		if arg == "" {
			return nil, misuse("an argument is empty; usage: %s", usage)
		}
	}
	return args, nil
}

// commandPath is the command's name with those it stands below: "trash ls".
func commandPath(c *cli.Context) string {
	return strings.TrimPrefix(c.Command.HelpName, c.App.Name+" ")
}
