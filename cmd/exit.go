package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// The exit codes, which scripts lean on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitMisuse      = 2
	exitNotFound    = 3
	exitNotLoggedIn = 4
	exitPending     = 10  // a code is not confirmed yet
	exitExpired     = 11  // a code has expired
	exitDenied      = 12  // the person said no
	exitInterrupted = 130 // as shells have it
)

// misused is an error in how the command was used.
type misused struct{ text string }

func (m misused) Error() string { return m.text }

func misuse(format string, args ...any) error { return misused{fmt.Sprintf(format, args...)} }

// said is an error that has been printed already.
type said struct{ error }

func (s said) Unwrap() error { return s.error }

// kinds says, for each kind of failure, how davdisk ends and what can be done
// about it. The first that fits counts.
var kinds = []struct {
	kind   error
	code   int
	advice string
}{
	{backend.ErrUnauthorized, exitNotLoggedIn, ""}, // the store itself says how to log in
	{yandex.ErrDead, exitNotLoggedIn, ""},
	{yandex.ErrPending, exitPending, ""},
	{yandex.ErrSlowDown, exitPending, ""},
	{yandex.ErrCodeExpired, exitExpired, ""},
	{yandex.ErrDenied, exitDenied, ""},
	{backend.ErrQuota, exitFailed, "make room: 'davdisk trash empty', or delete something for good"},
	{backend.ErrTooLarge, exitFailed, "'davdisk about' tells the largest file allowed"},
	{backend.ErrLocked, exitFailed, "try again in a moment"},
	{backend.ErrRateLimited, exitFailed, "try again later"},
	{backend.ErrUnavailable, exitFailed, "try again later"},
	{backend.ErrUncertain, exitFailed, "look what is there before trying again"},
	{backend.ErrChanged, exitFailed, "look what is there now and try again"},
	{config.ErrNoRemote, exitNotFound, "'davdisk remotes ls' lists them"},
	{context.Canceled, exitInterrupted, ""},
}

// shownErrors is how many lines a command that failed many times prints.
const shownErrors = 20

// exit prints an error, each of several on a line of its own, and returns the
// code to end with.
func exit(w io.Writer, err error) int {
	all := separate(err)
	if len(all) == 0 {
		return exitDone
	}
	for i, err := range all {
		if i == shownErrors {
			fmt.Fprintf(w, "davdisk: and %d errors more\n", len(all)-i)
			break
		}
		var told said
		if !errors.As(err, &told) {
			_, advice := judge(err)
			text := "davdisk: " + sentence(err)
			if advice != "" {
				text += "; " + advice
			}
			fmt.Fprintln(w, terminal.Escape(text))
		}
	}
	code, _ := judge(all[0])
	if errors.Is(err, context.Canceled) {
		code = exitInterrupted
	}
	return code
}

// separate takes joined errors apart.
func separate(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, separate(one)...)
	}
	return all
}

func judge(err error) (code int, advice string) {
	var wrong misused
	if errors.As(err, &wrong) {
		return exitMisuse, ""
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return k.code, k.advice
		}
	}
	if notFound(err) {
		return exitNotFound, ""
	}
	return exitFailed, ""
}

// notFound reports whether a store says that something is not there. That is
// what the command is about, while package os also speaks of the files that
// davdisk reads for itself: those of options, of its state, temporary ones.
func notFound(err error) bool {
	var told *backend.Error
	return errors.As(err, &told) && errors.Is(told, fs.ErrNotExist)
}

// inFlag says which flag names the file or folder that an error is about. One
// that is not there is misuse.
func inFlag(flag string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return misuse("--%s: %s", flag, sentence(err))
	}
	return fmt.Errorf("--%s: %w", flag, err)
}

// sentence formats an error, with names in quotes: a name may contain anything.
func sentence(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	var stopped interruption
	var advised advisedError
	switch {
	case errors.As(err, &stopped):
		return stopped.text
	case errors.As(err, &advised) && err == error(advised): //nolint:errorlint // the outermost error alone
		return advised.text()
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &path) && err == error(path): //nolint:errorlint // the outermost error alone
		return fmt.Sprintf("%s %q: %v", path.Op, path.Path, path.Err)
	case errors.As(err, &link) && err == error(link): //nolint:errorlint // the outermost error alone
		return fmt.Sprintf("%s %q to %q: %v", link.Op, link.Old, link.New, link.Err)
	}
	return err.Error()
}
