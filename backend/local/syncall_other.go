//go:build !linux

package local

import "os"

// fileSystemSync is nil where there is no call that syncs a file system and
// reports its errors.
func fileSystemSync(*os.File) func() error { return nil }
