package cmd

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isReadOnly reports whether an error means a read-only file system.
func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// isTaken reports whether an error means that another program listens on the
// address.
func isTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
