package vfs

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
)

// maxName is the longest name that may be created, in characters: what Yandex
// Disk, NTFS and APFS all allow. An existing longer one can be used.
const maxName = 255

// place is a name as the caller gave it and as the backend knows it.
type place struct {
	given  string
	name   string
	folder bool // given with a trailing slash, so it can only be a folder
}

// resolve cleans a name. Relative names start at the root, which ".." does not
// leave.
func resolve(given string) (place, error) {
	switch {
	case given == "":
		return place{}, failure(fs.ErrNotExist, "the name is empty")
	case !utf8.ValidString(given), strings.IndexByte(given, 0) >= 0:
		return place{}, failure(fs.ErrInvalid, "a name must be UTF-8 without NUL")
	}
	clean := given
	if clean[0] != '/' {
		clean = "/" + clean
	}
	clean = path.Clean(clean) // which copies nothing that is clean
	if clean == "/" {
		return place{given: given, name: "."}, nil
	}
	return place{given: given, name: clean[1:], folder: strings.HasSuffix(given, "/")}, nil
}

// checkNew returns an error for a name that cannot be created.
func (p place) checkNew(held backend.Names) error {
	if utf8.RuneCountInString(path.Base(p.name)) > maxName {
		return failure(fs.ErrInvalid, "the name is longer than 255 characters")
	}
	var refused *backend.Error
	if errors.As(held.Check("", p.name), &refused) {
		return refused // now, and not when the content has been written
	}
	return nil
}

// checkKind returns an error if the caller used the name of a folder for a file.
func (p place) checkKind(info backend.Info) error {
	if p.folder && !info.Dir {
		return failure(backend.ErrNotDir, "")
	}
	return nil
}
