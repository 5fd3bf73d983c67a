package webdav

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// errNoTime means that a text is not a valid modification time.
var errNoTime = errors.New("not a time")

// earliest and latest are the first second after the zero time and the last of
// the year 9999: what dates of four digits can write.
const earliest, latest = -62135596799, 253402300799

// requestedModTime returns the modification time that a client sends with the
// content of a file: X-OC-Mtime of ownCloud's clients, rclone and gvfs. An
// invalid one is ignored.
func requestedModTime(h http.Header) (time.Time, bool) {
	t, err := parseUnixTime(h.Get("X-OC-Mtime"))
	return t, err == nil
}

// parseUnixTime reads seconds since 1970, perhaps with a sign and a fraction.
func parseUnixTime(text string) (time.Time, error) {
	seconds, fraction, _ := strings.Cut(strings.TrimSpace(text), ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || s < earliest || s > latest {
		return time.Time{}, errNoTime
	}
	digits, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 32)
	if err != nil {
		return time.Time{}, errNoTime
	}
	nanoseconds := int64(digits)
	if strings.HasPrefix(seconds, "-") {
		nanoseconds = -nanoseconds
	}
	return time.Unix(s, nanoseconds), nil
}

// parseHTTPTime parses an HTTP date in any of its three formats.
func parseHTTPTime(text string) (time.Time, error) {
	t, err := http.ParseTime(strings.TrimSpace(text))
	if err != nil || t.IsZero() {
		return time.Time{}, errNoTime
	}
	return t, nil
}
