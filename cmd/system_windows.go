package cmd

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isReadOnly tells of a file system that takes no changes.
func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// isTaken tells of an address that another program listens on.
func isTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
