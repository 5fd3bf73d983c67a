package cmd

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Whatever stands on a line that a shell wants completed, nothing of it runs.
func TestCompletionRunsNothing(t *testing.T) {
	ran := ""
	watched := func() *cli.App {
		app := appOfDavdisk(nil, io.Discard, io.Discard)
		watch(app.Commands, func(command string) { ran = command })
		return app
	}
	app, lines := watched(), 0
	try := func(words ...string) {
		lines++
		if err := execute(t.Context(), app, slices.Concat([]string{"davdisk"}, words, []string{"--generate-bash-completion"})); ran != "" || err != nil {
			t.Fatalf("completing %q ran %q: %v", words, ran, err)
		}
	}
	seen := map[string]bool{} // a flag has the same shape in all its commands
	walkCommands(app.Commands, nil, func(command []string, flags []string) {
		with := func(more ...string) []string { return append(slices.Clone(command), more...) }
		try(with("x")...)
		try(with("x", "--", "-o")...)
		try(with(flags...)...)
		try(with(append([]string{"--"}, flags...)...)...)
		try(append([]string{"--"}, with(flags...)...)...)
		try(append(slices.Clone(flags), with("--", "x")...)...)
		for _, flag := range flags {
			if seen[flag] {
				continue
			}
			seen[flag] = true
			try(with(flag)...)
			try(with(flag+"=1", "x")...)
			try(with(flag, "1", "x", "--", "-o")...)
			try(with("x", "--", flag)...)
			try(append([]string{flag, "1"}, with("--", "x")...)...)
			try(with(flag, "--generate-bash-completion", "--", "x")...)
		}
		_ = execute(t.Context(), watched(), append([]string{"davdisk"}, with("--", "x")...))
		if ran != strings.Join(command, " ") {
			t.Errorf("this test would not notice that %q ran", command)
		}
		ran = ""
	})
	if lines < 500 {
		t.Errorf("only %d lines were completed", lines)
	}
}

// watch has ran called in place of every command.
func watch(commands []*cli.Command, ran func(command string)) {
	for _, c := range commands {
		c.Before = nil
		c.Action = func(c *cli.Context) error { ran(commandPath(c)); return nil }
		watch(c.Subcommands, ran)
	}
}

// walkCommands calls f with each command that does something, and with its flags.
func walkCommands(commands []*cli.Command, above []string, f func(command []string, flags []string)) {
	for _, c := range commands {
		path := append(slices.Clone(above), c.Name)
		if len(c.Subcommands) > 0 {
			walkCommands(c.Subcommands, path, f)
			continue
		}
		flags := []string{"--help"}
		for _, flag := range c.Flags {
			for _, name := range flag.Names() {
				flags = append(flags, strings.Repeat("-", min(2, len(name)))+name)
			}
		}
		f(path, flags)
	}
}

func TestCompletionListsCommands(t *testing.T) {
	for typed, want := range map[string]string{
		"":                  "serve login",
		"-v":                "serve login",
		"--state-dir x":     "serve login",
		"--state-dir":       "",
		"help":              "serve login",
		"trash":             "ls restore rm empty",
		"trash --json":      "ls restore rm empty",
		"trash ls":          "",
		"rm":                "",
		"rm a":              "",
		"nosuch":            "",
		"--":                "",
		"rm keep.txt -- -o": "",
	} {
		var out strings.Builder
		line := append([]string{"davdisk"}, append(strings.Fields(typed), "--generate-bash-completion")...)
		if err := execute(t.Context(), appOfDavdisk(nil, &out, io.Discard), line); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
		if got := strings.Fields(out.String()); !strings.HasPrefix(strings.Join(got, " "), want) || want == "" && len(got) > 0 {
			t.Errorf("%q may be followed by %q, want %q", typed, got, want)
		}
	}
}
