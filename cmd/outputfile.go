package cmd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// outputFlag is for callers that read files and not pipes, as 1C does.
func outputFlag() cli.Flag {
	return textFlag("output", "", "write what is printed to `FILE`, in UTF-8, in place of the standard output")
}

// printsNothing reports whether a command has no use for --output.
func printsNothing(name string) bool {
	return slices.Contains([]string{"serve", "emulator", "login", "logout", "cp", "mv", "rm", "mkdir", "save-url"}, name)
}

// withOutput turns the action of a command into one that knows --output. The
// file is made before the command does anything, and replaced in one step once
// it has succeeded; if it fails, an older file stays as it is.
func withOutput(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		name := c.String("output")
		if name == "" {
			return action(c)
		}
		if fi, err := os.Stat(name); err == nil && !fi.Mode().IsRegular() {
			return misuse("--output: %q is no file", name)
		}
		f, err := os.CreateTemp(filepath.Dir(name), ".davdisk-output-*")
		if err != nil {
			return inFlag("output", err)
		}
		defer os.Remove(f.Name()) // of what failed
		defer func(before io.Writer) { c.App.Writer = before }(c.App.Writer)
		c.App.Writer = f
		failed := action(c)
		if failed != nil && !answered(failed) {
			return errors.Join(failed, f.Close())
		}
		err = errors.Join(f.Sync(), f.Close())
		if err == nil {
			err = os.Rename(f.Name(), name)
		}
		if err != nil {
			err = language.Errorf("--output: %w", err)
		}
		return errors.Join(failed, err)
	}
}

// answered reports whether a failure is an answer as well, which a script reads.
func answered(err error) bool {
	return !errors.As(err, new(unwrittenError)) && (errors.As(err, new(said)) || tokenStatus(err) != "")
}
