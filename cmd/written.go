package cmd

import (
	"errors"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// newWritten is where a command prints to.
func newWritten(to io.Writer) *terminal.Output {
	return terminal.NewOutput(to, func(err error) error {
		if errors.As(err, new(unwrittenError)) {
			return err
		}
		return unwrittenError{err}
	})
}

// checkWritten adds to an error, or none, that not all could be written. A script
// would take what is there for the whole of it.
func checkWritten(out *terminal.Output, err error) error {
	failed := out.Err()
	if failed == nil || errors.As(err, new(unwrittenError)) {
		return err
	}
	return errors.Join(err, failed)
}

// withWritten makes a command fail if not all that it prints could be written. One
// that works on without is not told.
func withWritten(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		defer func(before io.Writer) { c.App.Writer = before }(c.App.Writer)
		if servesOn(c.Command.Name) {
			if out, ok := c.App.Writer.(*terminal.Output); ok {
				c.App.Writer = out.Unwrap()
			}
			return action(c)
		}
		out := newWritten(c.App.Writer)
		c.App.Writer = out
		return checkWritten(out, action(c))
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
