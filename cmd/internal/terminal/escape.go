// Package terminal keeps what davdisk shows to a person apart from what it
// writes for a program: escaped names, sizes, progress, a question.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// Is reports whether w is a terminal.
func Is(w any) bool {
	for {
		o, ok := w.(*Output)
		if !ok {
			break
		}
		w = o.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Escape makes a text harmless: a name from a server may hold sequences that
// move the cursor, change colors, or turn the direction of writing. What
// cannot be printed shows as in a Go string, \n and \x1b.
func Escape(s string) string {
	if !strings.ContainsFunc(s, unprintable) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 || unprintable(r) {
			quoted := strconv.Quote(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

// EscapeJSON does the same for an encoded JSON value, which stays one: outside
// of texts there is nothing to escape but the ends of lines, which stay.
func EscapeJSON(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && unprintable(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || !unprintable(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// unprintable is true for control characters and for format characters, such
// as those that turn the direction; spaces of any kind may be printed.
func unprintable(r rune) bool {
	return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) && r != '\u200d' && r != '\u200c'
}

// A Writer escapes the names that go to a terminal and leaves those alone
// that go to a file or a program.
type Writer struct {
	io.Writer
	terminal bool
}

// NewWriter returns a Writer on w.
func NewWriter(w io.Writer) Writer { return Writer{w, Is(w)} }

// Name is how a name from a server is to be written.
func (w Writer) Name(s string) string {
	if w.terminal {
		return Escape(s)
	}
	return s
}
