package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

func TestEveryFailureHasItsCode(t *testing.T) {
	missing := backend.PathError("stat", "a \x1b[31m.txt", fs.ErrNotExist, "")
	tests := []struct {
		err  error
		code int
		says string
	}{
		{nil, exitDone, ""},
		{errors.New("anything"), exitFailed, "davdisk: anything\n"},
		{misuse("wrong %d", 1), exitMisuse, "davdisk: wrong 1\n"},
		{missing, exitNotFound, `davdisk: stat "a \x1b[31m.txt": file does not exist` + "\n"},
		{&fs.PathError{Op: "open", Path: "secret", Err: syscall.ENOENT}, exitFailed, `open "secret": no such file`},
		{inFlag("pass-file", &fs.PathError{Op: "open", Path: "secret", Err: syscall.ENOENT}), exitMisuse, `--pass-file: open "secret": no such file`},
		{inFlag("pass-file", &fs.PathError{Op: "open", Path: "secret", Err: syscall.EACCES}), exitFailed, "--pass-file: open secret: permission denied"},
		{fmt.Errorf("look: %w", missing), exitNotFound, "look: "},
		{backend.LinkError("move", "a\nb", "c", fs.ErrExist, "its words"), exitFailed, `davdisk: move "a\nb" to "c": file already exists: its words` + "\n"},
		{backend.PathError("put", "x", backend.ErrUnauthorized, "run davdisk login"), exitNotLoggedIn, "run davdisk login"},
		{yandex.ErrDead, exitNotLoggedIn, "run davdisk login"},
		{backend.PathError("put", "x", backend.ErrQuota, ""), exitFailed, "not enough space in the store\n"},
		{&fs.PathError{Op: "write", Path: "/tmp/x", Err: syscall.ENOSPC}, exitFailed, "; make room on the disk of this machine\n"},
		{backend.PathError("put", "x", backend.ErrUncertain, ""), exitFailed, "look what is there before trying again"},
		{context.Canceled, exitInterrupted, "davdisk: interrupted\n"},
		{errors.New("words\nof a \u202eserver"), exitFailed, `davdisk: words\nof a \u202eserver` + "\n"},
		{said{errors.New("told already")}, exitFailed, ""},
		{errors.Join(missing, nil, errors.New("second")), exitNotFound, "davdisk: second\n"},
	}
	for _, test := range tests {
		var out bytes.Buffer
		if code := exit(&out, test.err); code != test.code || !strings.Contains(out.String(), test.says) || test.says == "" && out.Len() > 0 {
			t.Errorf("%v ends with %d and says %q; want %d and %q", test.err, code, &out, test.code, test.says)
		}
	}
}

func TestManyErrorsAreCutShort(t *testing.T) {
	var errs []error
	for i := range 100 {
		errs = append(errs, fmt.Errorf("failure %d", i))
	}
	var out bytes.Buffer
	exit(&out, errors.Join(errs...))
	if lines := strings.Count(out.String(), "\n"); lines != shownErrors+1 || !strings.Contains(out.String(), "and 80 errors more") {
		t.Errorf("it prints %d lines:\n%s", lines, &out)
	}
}

// exit is exitIn for tests, which read English.
func exit(w io.Writer, err error) int { return exitIn(language.Language{}, w, err) }
