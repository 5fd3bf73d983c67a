package davheader

import (
	"net/http"
	"strings"
)

// ReadLockToken parses the Lock-Token header of an UNLOCK (section 10.5). The
// angle brackets may be missing: the npm package "webdav" and some versions of
// Windows omit them.
func ReadLockToken(h http.Header) (string, error) {
	value, err := single(h, "Lock-Token")
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(value)
	if inner, ok := strings.CutPrefix(token, "<"); ok {
		if token, ok = strings.CutSuffix(inner, ">"); !ok {
			return "", invalid("Lock-Token", "its bracket is not closed")
		}
	}
	if token == "" {
		return "", invalid("Lock-Token", "it is missing")
	}
	if strings.ContainsFunc(token, notInURI) {
		return "", invalid("Lock-Token", "it must be one URI in angle brackets")
	}
	return token, nil
}

// notInURI reports whether a character must be escaped in a URI.
func notInURI(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"{}|\\^`", r)
}
