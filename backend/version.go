package backend

import "errors"

// A Versioner has versions that follow from the content alone, so that they
// can be told before it is stored.
type Versioner interface {
	// VersionOf gives the version of content with this SHA-256, in lower-case
	// hex. It must be the one that Put, Stat and List will tell.
	VersionOf(sha256 string) string
}

// VersionOf gives the version that b will tell of content with this SHA-256;
// errors.ErrUnsupported if that is known only once it is stored.
func VersionOf(b Backend, sha256 string) (string, error) {
	if v, ok := As[Versioner](b); ok {
		return v.VersionOf(sha256), nil
	}
	return "", PathError("version", ".", errors.ErrUnsupported, "the store tells the version of a file only when it has it")
}
