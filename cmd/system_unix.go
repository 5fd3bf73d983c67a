//go:build unix

package cmd

import (
	"errors"
	"syscall"
)

// isReadOnly tells of a file system that takes no changes.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// isTaken tells of an address that another program listens on.
func isTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
