package webdav

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// errNoTime says that a text is no time that a file can have.
var errNoTime = errors.New("not a time")

// earliest and latest are the first second after the zero time and the last of
// the year 9999: what dates of four digits can write.
const earliest, latest = -62135596799, 253402300799

// requestedModTime is the modification time that a client gives a file with its
// content: X-OC-Mtime of ownCloud's clients, rclone and gvfs. One that makes no
// sense is no reason to refuse the file.
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

// parseHTTPTime reads a date of HTTP in any of its three forms.
func parseHTTPTime(text string) (time.Time, error) {
	t, err := http.ParseTime(strings.TrimSpace(text))
	if err != nil || t.IsZero() {
		return time.Time{}, errNoTime
	}
	return t, nil
}
