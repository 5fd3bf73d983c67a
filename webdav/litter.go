package webdav

import (
	"fmt"
	"path"
	"strings"
)

// A LitterMode decides what happens to the files that file managers strew
// about: "._*", ".DS_Store", "Thumbs.db", "desktop.ini".
type LitterMode int

const (
	// LitterStore stores them like any other file.
	LitterStore LitterMode = iota
	// LitterLocal keeps them in the state folder, bounded, for the file
	// managers that made them; nobody else sees them.
	LitterLocal
	// LitterRefuse refuses to store them, with 403.
	LitterRefuse
)

// ParseLitterMode reads "store", "local" or "refuse".
func ParseLitterMode(s string) (LitterMode, error) {
	switch s {
	case "store":
		return LitterStore, nil
	case "local":
		return LitterLocal, nil
	case "refuse":
		return LitterRefuse, nil
	}
	return LitterStore, fmt.Errorf("litter mode %q: want store, local or refuse", s)
}

// isLitter tells whether a file manager made a file for itself.
func isLitter(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch base {
	case ".ds_store", "thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(base, "._")
}
