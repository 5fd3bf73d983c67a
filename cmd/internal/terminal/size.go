package terminal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// units are those of ParseSize and Size, each 1024 times the one before.
const units = "KMGTPE"

// Size formats a number of bytes for people: "1.5 MiB".
func Size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.95 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}

// ParseSize reads a number of bytes: "1048576", "512K", "1.5GiB", "2 GB". All
// units count in 1024s.
func ParseSize(s string) (int64, error) {
	text := strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I")
	factor := 1.0
	if text != "" {
		if at := strings.IndexByte(units, text[len(text)-1]); at >= 0 {
			text = text[:len(text)-1]
			for range at + 1 {
				factor *= 1024
			}
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) || n*factor >= 1<<63 {
		return 0, language.Errorf("%q is no size; write 500M or 2G", s)
	}
	return int64(n * factor), nil
}
