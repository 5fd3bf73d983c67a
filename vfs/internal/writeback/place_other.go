//go:build !unix

package writeback

import "io/fs"

// placeOf would tell a folder from a copy of it.
func placeOf(fs.FileInfo) string { return "" }
