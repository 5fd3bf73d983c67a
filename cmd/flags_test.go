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
