package cmd

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

// full is a standard output that cannot be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestWhatCannotBePrinted fails, whoever prints it: a command, or the library that
// prints help.
func TestWhatCannotBePrinted(t *testing.T) {
	home(t)
	for _, words := range []string{"", "--help", "-h", "ls --help", "serve --help", "trash ls --help", "version", "drivers", "version --json"} {
		app := appOfDavdisk(strings.NewReader(""), full{}, io.Discard)
		err := execute(t.Context(), app, append([]string{"davdisk"}, strings.Fields(words)...))
		var text bytes.Buffer
		if code := exit(&text, err); code != exitFailed || !errors.Is(err, syscall.ENOSPC) || strings.Count(text.String(), "write what is printed") != 1 {
			t.Errorf("davdisk %s ends with %d: %q", words, code, &text)
		}
	}
	var out strings.Builder
	if err := execute(t.Context(), appOfDavdisk(strings.NewReader(""), &out, io.Discard), []string{"davdisk", "--help"}); err != nil || !strings.Contains(out.String(), "COMMANDS") {
		t.Errorf("it ends with %v and prints %q", err, &out)
	}
}
