package cmd

import (
	"errors"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// withWritten makes a command fail if not all that it prints could be written. A
// script would take what is there for the whole of it.
func withWritten(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		defer func(before io.Writer) { c.App.Writer = before }(c.App.Writer)
		out := terminal.NewOutput(c.App.Writer, func(err error) error { return unwrittenError{err} })
		c.App.Writer = out
		err := action(c)
		failed := out.Err()
		if failed == nil || errors.As(err, new(unwrittenError)) {
			return err
		}
		return errors.Join(err, failed)
	}
}

// servesOn reports whether a command works on when nobody reads what it prints.
func servesOn(name string) bool { return slices.Contains([]string{"serve", "emulator"}, name) }

// unwrittenError is the error for an output that is not whole.
type unwrittenError struct{ err error }

func (e unwrittenError) Error() string { return e.In(language.Language{}) }

func (e unwrittenError) In(lang language.Language) string {
	return lang.Sprintf("write what is printed: %v", e.err)
}

func (e unwrittenError) Unwrap() error { return e.err }
