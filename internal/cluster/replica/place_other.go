//go:build !unix

package replica

import "io/fs"

// lockedIn is not known.
func lockedIn(string, fs.FileInfo) string { return "" }
