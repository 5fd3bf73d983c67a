// Package davheader reads the request headers of RFC 4918, section 10, but
// for If, which has a package of its own, and Destination, which needs to
// know the server's addresses.
//
// The parsers take what clients are known to send beyond the grammar and
// refuse the rest with an error that wraps ErrInvalid (400). They look at no
// more than maxLength bytes.
package davheader

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrInvalid is wrapped by every error of this package.
var ErrInvalid = errors.New("invalid header")

// maxLength is the longest value that is looked at, in bytes.
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
