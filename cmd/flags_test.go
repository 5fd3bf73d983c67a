package cmd

import (
	"io"
	"regexp"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestHelpNamesValues wants the help of every flag to have a word for its value,
// such as FILE, and a variable.
func TestHelpNamesValues(t *testing.T) {
	named, flags := regexp.MustCompile("`[A-Z:]+`"), 0
	var walk func(commands []*cli.Command)
	walk = func(commands []*cli.Command) {
		for _, c := range commands {
			walk(c.Subcommands)
			for _, f := range c.Flags {
				doc, ok := f.(cli.DocGenerationFlag)
				if !ok || f.Names()[0] == "help" {
					continue
				}
				flags++
				if doc.TakesValue() && !named.MatchString(doc.GetUsage()) {
					t.Errorf("%s --%s: %q has no word for the value", c.Name, f.Names()[0], doc.GetUsage())
				}
				if len(doc.GetEnvVars()) == 0 {
					t.Errorf("%s --%s has no variable", c.Name, f.Names()[0])
				}
			}
		}
	}
	walk(appOfDavdisk(nil, io.Discard, io.Discard).Commands)
	if flags == 0 {
		t.Error("no flag was looked at")
	}
}

// TestArguments wants a command to take as many arguments as its usage says.
func TestArguments(t *testing.T) {
	for usage, want := range map[string][4]bool{ // with none, one, two and three
		"":                             {true},
		"PATH":                         {false, true},
		"[REMOTE:]":                    {true, true},
		"URL PATH":                     {false, false, true},
		"URL [INNER]":                  {false, true, true},
		"URL [INNER] PATH":             {false, false, true, true},
		"FILE …":                       {false, true, true, true},
		"FROM … TO":                    {false, false, true, true},
		"[PATH …]":                     {true, true, true, true},
		"NAME DRIVER [OPTION=VALUE …]": {false, false, true, true},
	} {
		for n, ok := range want {
			app := &cli.App{Writer: io.Discard, ExitErrHandler: func(*cli.Context, error) {}, Commands: []*cli.Command{{
				Name: "do", ArgsUsage: usage, Action: func(c *cli.Context) error { _, err := arguments(c); return err },
			}}}
			if err := app.Run(append([]string{"davdisk", "do"}, []string{"a", "b", "c"}[:n]...)); (err == nil) != ok {
				t.Errorf("%q with %d arguments answered %v", usage, n, err)
			}
		}
	}
}
