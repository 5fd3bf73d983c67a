// Package ownname has the names that davdisk reserves in a store for unfinished
// operations. They are hidden from listings and refused to clients.
package ownname

import (
	"path"
	"strings"
)

// Prefix is the prefix of every such name.
const Prefix = ".davdisk-"

// Is reports whether the base of a name is reserved.
func Is(name string) bool { return strings.HasPrefix(path.Base(name), Prefix) }

// Sibling returns the reserved name in the folder of name that ends in rest.
func Sibling(name, rest string) string { return path.Join(path.Dir(name), Prefix+rest) }
