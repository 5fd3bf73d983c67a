package davheader

import (
	"net/http"
	"strings"
)

// A Depth is how far below its resource a request reaches (section 10.2).
type Depth int

// The three depths.
const (
	DepthZero Depth = iota
	DepthOne
	DepthInfinity
)

func (d Depth) String() string {
	switch d {
	case DepthZero:
		return "0"
	case DepthOne:
		return "1"
	default:
		return "infinity"
	}
}

// ReadDepth parses the Depth header; missing is the default of the method.
// "infinity" is case-insensitive.
func ReadDepth(h http.Header, missing Depth) (Depth, error) {
	value, err := single(h, "Depth")
	if err != nil {
		return missing, err
	}
	switch value = strings.TrimSpace(value); {
	case value == "":
		return missing, nil
	case value == "0":
		return DepthZero, nil
	case value == "1":
		return DepthOne, nil
	case strings.EqualFold(value, "infinity"):
		return DepthInfinity, nil
	}
	return missing, invalid("Depth", "it must be 0, 1 or infinity")
}
