package davheader

import (
	"net/http"
	"strings"
)

// ReadOverwrite parses the Overwrite header (section 10.6). The default is
// true, for MOVE as for COPY: Finder, lftp and Kodi rely on it.
func ReadOverwrite(h http.Header) (bool, error) {
	value, err := single(h, "Overwrite")
	if err != nil {
		return false, err
	}
	switch strings.TrimSpace(value) {
	case "", "T", "t":
		return true, nil
	case "F", "f":
		return false, nil
	}
	return false, invalid("Overwrite", "it must be T or F")
}
