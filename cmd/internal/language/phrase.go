package language

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Localizer is said in one language or another.
type Localizer interface {
	In(l Language) string
}

// A Phrase is a text with its arguments, for [Language.Sprintf].
type Phrase struct {
	english string
	format  string
	args    *[]any // a pointer, so that errors with phrases can be compared; nil for none
}

// Say returns a phrase.
func Say(format string, args ...any) Phrase {
	return Phrase{fmt.Sprintf(format, args...), format, &args}
}

// In returns the phrase in a language.
func (p Phrase) In(l Language) string {
	if l.IsEnglish() || p.args == nil {
		return p.english
	}
	return l.Sprintf(p.format, *p.args...)
}

// String returns the phrase in English.
func (p Phrase) String() string { return p.english }

// A Count is a number of things that can be counted, by their English noun.
type Count struct {
	N    int64
	Noun string
}

// In returns the count in a language.
func (c Count) In(l Language) string { return l.count(c) }

// String returns the count in English.
func (c Count) String() string {
	if c.N == 1 {
		return "1 " + c.Noun
	}
	return strconv.FormatInt(c.N, 10) + " " + c.Noun + "s"
}

// Errorf is that of package fmt, for an error that can be told in any language.
func Errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return failure{Phrase{err.Error(), format, &args}, errors.Unwrap(err)}
}

type failure struct {
	Phrase
	cause error // may be nil
}

func (f failure) Error() string { return f.english }

func (f failure) Unwrap() error { return f.cause }

// name is a text among the arguments: %q puts it in the quotation marks of
// Russian, unless it has some itself.
type name string

// Format implements fmt.Formatter.
func (n name) Format(s fmt.State, verb rune) {
	if verb != 'q' || strings.ContainsAny(string(n), "«»") {
		fmt.Fprintf(s, fmt.FormatString(s, verb), string(n))
		return
	}
	quoted := strconv.Quote(string(n))
	_, _ = io.WriteString(s, "«"+strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)+"»")
}
