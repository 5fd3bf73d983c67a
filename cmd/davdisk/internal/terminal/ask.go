package terminal

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Ask puts a question and reads one line. The prompt is told to errs, so that
// results stay apart. No more than the line is read, so that the next question
// finds its answer.
func Ask(in io.Reader, errs io.Writer, question string) (string, error) {
	fmt.Fprint(errs, question)
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := in.Read(b)
		switch {
		case n == 1 && b[0] == '\n', errors.Is(err, io.EOF) && len(line) > 0:
			return strings.TrimSpace(string(line)), nil
		case errors.Is(err, io.EOF):
			fmt.Fprintln(errs) // what follows begins a line
			return "", errors.New("nobody answers the question")
		case err != nil:
			return "", err
		}
		line = append(line, b[:n]...)
	}
}

// Confirm asks for a yes; anything else is a no.
func Confirm(in io.Reader, errs io.Writer, question string) (bool, error) {
	answer, err := Ask(in, errs, question+" [y/N] ")
	switch strings.ToLower(answer) {
	case "y", "yes", "д", "да":
		return true, err
	}
	return false, err
}
