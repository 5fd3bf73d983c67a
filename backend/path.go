package backend

import (
	"io/fs"
	"strings"
)

// CheckName refuses an invalid name: one that is not clean, relative and valid
// UTF-8 (see [fs.ValidPath]), or contains a NUL. The error is a [*fs.PathError]
// with fs.ErrInvalid.
func CheckName(op, name string) error {
	if !fs.ValidPath(name) || strings.IndexByte(name, 0) >= 0 {
		return &fs.PathError{Op: op, Path: name, Err: &Error{Kind: fs.ErrInvalid, Message: "not a clean, relative path"}}
	}
	return nil
}

// Within reports whether name is dir itself or lies below it.
func Within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir) && name[len(dir)] == '/'
}
