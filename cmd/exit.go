package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/language"
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
type misused struct{ language.Phrase }

func (m misused) Error() string { return m.String() }

func misuse(format string, args ...any) error { return misused{language.Say(format, args...)} }

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
	{backend.ErrQuota, exitFailed, ""}, // see session.adviseRoom
	{syscall.ENOSPC, exitFailed, makeRoomHere},
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

// exitIn prints an error in a language, each of several on a line of its own, and
// returns the code to end with.
func exitIn(lang language.Language, w io.Writer, err error) int {
	all := separate(err)
	if len(all) == 0 {
		return exitDone
	}
	for i, err := range all {
		if i == shownErrors {
			lang.Fprintf(w, "davdisk: and %d errors more\n", len(all)-i)
			break
		}
		var told said
		if !errors.As(err, &told) {
			_, advice := judge(err)
			text := "davdisk: " + sentence(lang, err)
			if advice != "" {
				text += "; " + lang.Text(advice)
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
		return misuse("--%s: %s", flag, quotedError{err})
	}
	return language.Errorf("--%s: %w", flag, err)
}

// quotedError is an error that is told as [sentence] does, in any language.
type quotedError struct{ err error }

func (q quotedError) In(lang language.Language) string { return sentence(lang, q.err) }

func (q quotedError) String() string { return sentence(language.Language{}, q.err) }

// sentence formats an error, with names in quotes: a name may contain anything.
func sentence(lang language.Language, err error) string {
	var path *fs.PathError
	var link *os.LinkError
	var stopped interruption
	var advised advisedError
	switch {
	case errors.As(err, &stopped):
		return stopped.In(lang)
	case errors.As(err, &advised) && err == error(advised): //nolint:errorlint // the outermost error alone
		return advised.text(lang)
	case errors.Is(err, context.Canceled):
		return lang.Text("interrupted")
	case errors.As(err, &path) && err == error(path): //nolint:errorlint // the outermost error alone
		if path.Path == "." && !lang.IsEnglish() {
			return lang.Error(path.Err) // the root, whose remote is told before it
		}
		return operation(lang, path.Op) + lang.Sprintf("%q: %v", path.Path, path.Err)
	case errors.As(err, &link) && err == error(link): //nolint:errorlint // the outermost error alone
		return operation(lang, link.Op) + lang.Sprintf("%q to %q: %v", link.Old, link.New, link.Err)
	}
	return lang.Error(err)
}

// operation begins an English sentence with what was tried. A Russian one does
// without, as those of other programs.
func operation(lang language.Language, op string) string {
	if lang.IsEnglish() {
		return op + " "
	}
	return ""
}
