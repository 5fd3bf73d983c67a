//go:build unix

package cmd

import (
	"errors"
	"syscall"
)

// isReadOnly reports whether an error means a read-only file system.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// isTaken reports whether an error means that another program listens on the
// address.
func isTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
