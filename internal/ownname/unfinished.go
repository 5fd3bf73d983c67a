package ownname

import (
	"crypto/rand"
	"path"
	"strings"
	"time"
)

const (
	// UnfinishedPrefix is the prefix of the names of unfinished work beside its
	// target, in a folder of this machine or of an SFTP server. It differs from
	// Prefix, whose names are ordinary ones there; and it is one for both, so that
	// a folder may be served in both ways.
	UnfinishedPrefix = ".~davdisk-"

	// UnfinishedLife is the age at which unfinished work is stale, where no lock
	// shows that it is in progress.
	UnfinishedLife = 24 * time.Hour

	unfinishedRandom = 26 // characters of crypto/rand.Text
)

// Unfinished returns a new name for unfinished work in dir.
func Unfinished(dir string) string { return path.Join(dir, UnfinishedPrefix+rand.Text()) }

// IsUnfinishedReserved reports whether a base name must not be used by callers.
func IsUnfinishedReserved(base string) bool { return strings.HasPrefix(base, UnfinishedPrefix) }

// IsUnfinished reports whether a base name was made by Unfinished. Other names
// with the prefix are a user's files, which are neither listed nor removed.
func IsUnfinished(base string) bool {
	random, ok := strings.CutPrefix(base, UnfinishedPrefix)
	return ok && len(random) == unfinishedRandom && strings.Trim(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
