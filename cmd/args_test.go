package cmd

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestFlagsMayStandAnywhere(t *testing.T) {
	tests := []struct{ typed, ordered string }{
		{"ls yandex:Docs --long", "ls --long -- yandex:Docs"},
		{"ls --long yandex:Docs", "ls --long -- yandex:Docs"},
		{"-v ls yandex:Docs", "ls -v -- yandex:Docs"},
		{"ls -lR yandex:", "ls -l -R -- yandex:"},
		{"serve yandex: --addr 127.0.0.1:0 --read-only", "serve --addr=127.0.0.1:0 --read-only -- yandex:"},
		{"serve --addr=:0 yandex:", "serve --addr=:0 -- yandex:"},
		{"files yandex: --sort -size", "files --sort=-size -- yandex:"},
		{"cat -- -v --json", "cat -- -v --json"},
		{"rm -r a -- -b", "rm -r -- a -b"},
		{"trash ls yandex: --json", "trash ls --json -- yandex:"},
		{"trash --json ls yandex:", "trash ls --json -- yandex:"},
		{"cat help", "cat -- help"},
		{"cat -", "cat -- -"},
		{"help ls", "ls --help --"},
		{"ls -h", "ls --help --"},
		{"--version", "version --"},
		{"", ""},
	}
	for _, test := range tests {
		got, err := orderArgs(appOfDavdisk(nil, io.Discard, io.Discard), append([]string{"davdisk"}, strings.Fields(test.typed)...))
		if want := append([]string{"davdisk"}, strings.Fields(test.ordered)...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q became %q, %v; want %q", test.typed, got, err, want)
		}
	}
}

func TestWhatIsNoFlagIsRefused(t *testing.T) {
	for typed, says := range map[string]string{
		"ls yandex: --lnog":      "did you mean --long?",
		"ls -z":                  "-z is no flag of davdisk ls",
		"ls -lz":                 "-lz is no flag",
		"ls --addr x":            "--addr is no flag of davdisk ls",
		"serve yandex: --addr":   "--addr needs a value",
		"lss":                    `"lss" is no command; did you mean "ls"?`,
		"rm -f x":                "-f is no flag of davdisk rm; davdisk rm --help lists them",
		"trash look":             "there are ls, restore, rm, empty",
		"trash":                  "say which",
		"--addr x":               "--addr is no flag",
		"cp a b --overwrte=true": "--overwrte is no flag",
	} {
		_, err := orderArgs(appOfDavdisk(nil, io.Discard, io.Discard), append([]string{"davdisk"}, strings.Fields(typed)...))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want something with %q", typed, err, says)
		}
		if code := exit(io.Discard, err); code != exitMisuse {
			t.Errorf("%q ends with %d", typed, code)
		}
	}
}

// Names of flags must mean the same kind of thing in every command, because
// the command is known only when all of the line has been read.
func TestAFlagTakesAValueInEveryCommandOrInNone(t *testing.T) {
	seen := map[string]bool{}
	walkFlags(appOfDavdisk(nil, io.Discard, io.Discard).Commands, "", func(command, name string, takes bool, variables []string) {
		if before, known := seen[name]; known && before != takes {
			t.Errorf("%s: --%s takes a value here and none elsewhere", command, name)
		}
		seen[name] = takes
		if len(name) > 1 && name != "help" && (len(variables) == 0 || !strings.HasPrefix(variables[0], "DAVDISK_")) {
			t.Errorf("%s: --%s has no variable", command, name)
		}
	})
}

func walkFlags(commands []*cli.Command, above string, f func(command, name string, takes bool, variables []string)) {
	for _, c := range commands {
		for _, flag := range c.Flags {
			_, isBool := flag.(*cli.BoolFlag)
			variables := flag.(cli.DocGenerationFlag).GetEnvVars()
			for _, name := range flag.Names() {
				f(above+c.Name, name, !isBool, variables)
			}
		}
		walkFlags(c.Subcommands, above+c.Name+" ", f)
	}
}
