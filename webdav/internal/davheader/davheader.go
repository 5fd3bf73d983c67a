// Package davheader parses the request headers of RFC 4918, section 10, except
// If, which has a package of its own, and Destination, which depends on the
// server's URLs.
//
// The parsers accept what clients are known to send beyond the grammar and
// reject the rest with an error that wraps ErrInvalid (400). Values are limited
// to maxLength bytes.
package davheader

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrInvalid is wrapped by every error of this package.
var ErrInvalid = errors.New("invalid header")

// maxLength is the maximum length of a value in bytes.
const maxLength = 8 << 10

// single returns the one value of a header, "" if there is none.
func single(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", invalid(name, "it is there more than once")
	case len(values[0]) > maxLength:
		return "", invalid(name, "it is too long")
	}
	return values[0], nil
}

func invalid(name, why string) error {
	return fmt.Errorf("%w %s: %s", ErrInvalid, name, why)
}
