//go:build unix

package main

import (
	"errors"
	"syscall"
)

// isReadOnly tells of a file system that takes no changes.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
