package ownname

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
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

	// ResumableLife is the age at which unfinished work is stale that can be resumed.
	ResumableLife = 7 * 24 * time.Hour

	unfinishedRandom = 26     // characters of crypto/rand.Text
	resumableMark    = "PART" // the first of them, for work that can be resumed
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

// Resumable returns the name in dir for unfinished work that can be resumed, which
// key identifies. Unfinished could return it, so it is hidden wherever that is.
func Resumable(dir, key string) string {
	sum := sha256.Sum256([]byte(key))
	return path.Join(dir, UnfinishedPrefix+(resumableMark + base32.StdEncoding.EncodeToString(sum[:]))[:unfinishedRandom])
}

// IsResumable reports whether a base name was made by Resumable, or, once in a
// million times, by Unfinished.
func IsResumable(base string) bool {
	return IsUnfinished(base) && strings.HasPrefix(base, UnfinishedPrefix+resumableMark)
}
