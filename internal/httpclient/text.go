package httpclient

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
)

// OneLine returns the first text that is not empty, short and without control
// characters: it comes from outside and goes to logs and terminals.
func OneLine(texts ...string) string {
	for _, t := range texts {
		t = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(t, "?"))
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		if runes := []rune(t); len(runes) > 300 {
			t = string(runes[:300]) + "…"
		}
		return t
	}
	return ""
}

// Message returns the text of an error without the URL of the request, which may be a
// secret.
func Message(err error) string {
	var at *url.Error
	for errors.As(err, &at) {
		err = at.Err
	}
	return OneLine(err.Error())
}
