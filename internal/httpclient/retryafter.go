package httpclient

import (
	"net/http"
	"strconv"
	"time"
)

// RetryAfter parses the Retry-After header (RFC 9110, section 10.2.3): seconds
// or a date. It returns zero if there is none.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
