package davheader

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Forever is the value of "Infinite".
const Forever = time.Duration(math.MaxInt64)

// ReadTimeout parses the Timeout header (section 10.7) and returns the first
// value in it that it understands, or 0 for none. A timeout is only a request, so
// an invalid one is no error.
func ReadTimeout(h http.Header) time.Duration {
	for _, value := range h.Values("Timeout") {
		if len(value) > maxLength {
			continue
		}
		for option := range strings.SplitSeq(value, ",") {
			if d := parseOption(strings.TrimSpace(option)); d > 0 {
				return d
			}
		}
	}
	return 0
}

func parseOption(option string) time.Duration {
	if strings.EqualFold(option, "Infinite") {
		return Forever
	}
	kind, digits, _ := strings.Cut(option, "-")
	if !strings.EqualFold(kind, "Second") {
		return 0
	}
	seconds, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
