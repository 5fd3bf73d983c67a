package main

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isReadOnly tells of a file system that takes no changes.
func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
