package davheader

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Forever is what "Infinite" asks for.
const Forever = time.Duration(math.MaxInt64)

// ReadTimeout reads the Timeout header (section 10.7) and returns the first
// wish in it that it understands, or 0 for none. A time-out is but a wish, so
// one that makes no sense is no error.
func ReadTimeout(h http.Header) time.Duration {
	for _, value := range h.Values("Timeout") {
		if len(value) > maxLength {
			continue
		}
		for wish := range strings.SplitSeq(value, ",") {
			if d := parseWish(strings.TrimSpace(wish)); d > 0 {
				return d
			}
		}
	}
	return 0
}

func parseWish(wish string) time.Duration {
	if strings.EqualFold(wish, "Infinite") {
		return Forever
	}
	kind, digits, _ := strings.Cut(wish, "-")
	if !strings.EqualFold(kind, "Second") {
		return 0
	}
	seconds, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
