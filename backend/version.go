package backend

import "errors"

// A Versioner has versions that derive from the content alone, so that they are
// known before it is stored.
type Versioner interface {
	// VersionOf returns the version of content with this SHA-256, in lower-case
	// hex. It must be the one that Put, Stat and List will return.
	VersionOf(sha256 string) string
}

// VersionOf returns the version that b will assign to content with this SHA-256;
// errors.ErrUnsupported if that is known only once the content is stored.
func VersionOf(b Backend, sha256 string) (string, error) {
	if v, ok := As[Versioner](b); ok {
		return v.VersionOf(sha256), nil
	}
	return "", PathError("version", ".", errors.ErrUnsupported, "the version of a file is known only once the store has it")
}
