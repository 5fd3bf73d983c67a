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

// latest is the end of the year 9999, the last that dates of four digits can
// write.
const latest = 253402300799

// requestedModTime is the modification time that a client gives a file with its
// content: X-OC-Mtime of ownCloud's clients, rclone and gvfs. One that makes no
// sense is no reason to refuse the file.
func requestedModTime(h http.Header) (time.Time, bool) {
	t, err := parseUnixTime(h.Get("X-OC-Mtime"))
	return t, err == nil
}

// parseUnixTime reads seconds since 1970, perhaps with a fraction.
func parseUnixTime(text string) (time.Time, error) {
	seconds, fraction, _ := strings.Cut(strings.TrimSpace(text), ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || s <= 0 || s > latest {
		return time.Time{}, errNoTime
	}
	nanoseconds, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 32)
	if err != nil {
		return time.Time{}, errNoTime
	}
	return time.Unix(s, int64(nanoseconds)), nil
}

// parseHTTPTime reads a date of HTTP in any of its three forms.
func parseHTTPTime(text string) (time.Time, error) {
	t, err := http.ParseTime(strings.TrimSpace(text))
	if err != nil || t.IsZero() {
		return time.Time{}, errNoTime
	}
	return t, nil
}
