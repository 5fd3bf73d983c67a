package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Ask puts a question and reads one line. The prompt is told to errs, so that
// results stay apart. No more than the line is read, so that the next question
// finds its answer. It waits no longer than ctx.
func Ask(ctx context.Context, in io.Reader, errs io.Writer, question string) (string, error) {
	fmt.Fprint(errs, question)
	return await(ctx, errs, func() (string, error) { return readLine(in) })
}

// AskSecret is Ask, but what is typed does not show on a terminal.
func AskSecret(ctx context.Context, in io.Reader, errs io.Writer, question string) (string, error) {
	if !Is(in) {
		return Ask(ctx, in, errs, question)
	}
	fd := int(in.(*os.File).Fd())
	shows, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(errs, question)
	secret, err := await(ctx, errs, func() (string, error) {
		typed, err := term.ReadPassword(fd)
		if err == nil {
			fmt.Fprintln(errs)
		}
		return strings.TrimSpace(string(typed)), err
	})
	if err != nil {
		err = errors.Join(err, term.Restore(fd, shows)) // or what is typed next would not show either
	}
	return secret, err
}

// Confirm asks for a yes; anything else is a no.
func Confirm(ctx context.Context, in io.Reader, errs io.Writer, question string) (bool, error) {
	answer, err := Ask(ctx, in, errs, question+" [y/N] ")
	switch strings.ToLower(answer) {
	case "y", "yes", "д", "да":
		return true, err
	}
	return false, err
}

// await waits for an answer. Reading from a person cannot be stopped: given up,
// it ends with the program.
func await(ctx context.Context, errs io.Writer, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			fmt.Fprintln(errs) // what follows begins a line
		}
		return a.text, a.err
	case <-ctx.Done():
		fmt.Fprintln(errs)
		return "", ctx.Err()
	}
}

func readLine(in io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := in.Read(b)
		switch {
		case n == 1 && b[0] == '\n', errors.Is(err, io.EOF) && len(line) > 0:
			return strings.TrimSpace(string(line)), nil
		case errors.Is(err, io.EOF):
			return "", errors.New("nobody answers the question")
		case err != nil:
			return "", err
		}
		line = append(line, b[:n]...)
	}
}
