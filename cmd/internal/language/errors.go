package language

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/davdisk/davdisk/backend"
)

// Error returns the text of an error. What is in no catalogue, as the words of a
// service in brackets, stays as it is.
func (l Language) Error(err error) string {
	if l.IsEnglish() {
		return err.Error()
	}
	switch e := err.(type) { //nolint:errorlint // each layer of an error is translated for itself
	case Localizer:
		return e.In(l)
	case *fs.PathError: // what was tried is clear from what did not work
		return e.Path + ": " + l.Error(e.Err)
	case *os.LinkError:
		return e.Old + " → " + e.New + ": " + l.Error(e.Err)
	case *backend.Error:
		return l.storeError(e)
	}
	text := err.Error()
	if found, ok := l.texts[text]; ok {
		return found.many
	}
	if inner := errors.Unwrap(err); inner != nil {
		if at := strings.LastIndex(text, inner.Error()); at >= 0 {
			return text[:at] + l.Error(inner) + text[at+len(inner.Error()):]
		}
	}
	return text
}

// storeError is the kind of an error, and what is known besides.
func (l Language) storeError(e *backend.Error) string {
	kind := l.Error(e.Kind)
	own, words := e.Message, ""
	if at := strings.Index(own, "("); at >= 0 {
		own, words = own[:at], own[at:]
	}
	switch own := strings.TrimSpace(own); {
	case e.Message == "":
		return kind
	case own == "":
		return kind + " " + words
	case words == "":
		return kind + ": " + l.message(e.Message)
	default:
		return kind + ": " + l.message(own) + " " + words
	}
}

func (l Language) message(text string) string {
	if found, ok := l.texts[text]; ok {
		return found.many
	}
	return text
}
