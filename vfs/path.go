package vfs

import (
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
)

// maxName is the longest name that may be made, in characters: what Yandex
// Disk, NTFS and APFS allow alike. A longer one that is already there can be
// used all the same.
const maxName = 255

// place is a name as the caller gave it and as the backend knows it.
type place struct {
	given  string
	name   string
	folder bool // given with a slash at its end, so it can only be a folder
}

// resolve cleans a name: relative ones begin at the root, above which there is
// nothing.
func resolve(given string) (place, error) {
	switch {
	case given == "":
		return place{}, failure(fs.ErrNotExist, "the name is empty")
	case !utf8.ValidString(given), strings.IndexByte(given, 0) >= 0:
		return place{}, failure(fs.ErrInvalid, "a name must be UTF-8 without NUL")
	}
	clean := path.Clean("/" + given)
	if clean == "/" {
		return place{given: given, name: "."}, nil
	}
	return place{given: given, name: clean[1:], folder: strings.HasSuffix(given, "/")}, nil
}

// makeable refuses a name that nothing new may have.
func (p place) makeable() error {
	if utf8.RuneCountInString(path.Base(p.name)) > maxName {
		return failure(fs.ErrInvalid, "the name is longer than 255 characters")
	}
	return nil
}

// fits tells whether what is there may be called what the caller called it.
func (p place) fits(info backend.Info) error {
	if p.folder && !info.Dir {
		return failure(backend.ErrNotDir, "")
	}
	return nil
}
