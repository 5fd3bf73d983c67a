package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// AskSecret is Ask, but what is typed does not show on a terminal.
func AskSecret(in io.Reader, errs io.Writer, question string) (string, error) {
	if !Is(in) {
		return Ask(in, errs, question)
	}
	fmt.Fprint(errs, question)
	secret, err := term.ReadPassword(int(in.(*os.File).Fd()))
	fmt.Fprintln(errs)
	return strings.TrimSpace(string(secret)), err
}
