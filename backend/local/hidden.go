package local

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// hiddenPrefix begins the names under which unfinished work lies beside its
// target. It differs from what package vfs uses for its own siblings, which
// are ordinary names here.
const hiddenPrefix = ".~davdisk-"

// hiddenRandom is how long the random part of such a name is (crypto/rand.Text).
const hiddenRandom = 26

// hiddenLife is how long a hidden name may rest before it counts as left
// behind by a process that was killed.
const hiddenLife = 24 * time.Hour

// isReserved tells of a name that nobody may ask for.
func isReserved(base string) bool { return strings.HasPrefix(base, hiddenPrefix) }

// isHidden tells of a name that was made by hiddenName. What else has the
// prefix is somebody's file, which is neither shown nor swept.
func isHidden(base string) bool {
	random, ok := strings.CutPrefix(base, hiddenPrefix)
	return ok && len(random) == hiddenRandom && strings.Trim(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// hiddenName returns a new name in dir that nobody is shown.
func hiddenName(dir string) string {
	return path.Join(dir, hiddenPrefix+rand.Text())
}

// createHidden makes an empty file under a new hidden name in dir, which nobody
// else can read: what it will replace may be private.
func (v *view) createHidden(dir string) (f *os.File, name string, err error) {
	name = hiddenName(dir)
	f, err = v.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return f, name, err
}

// sweep removes what a killed process left behind. A name that cannot be
// removed stays hidden, and is tried again at the next listing.
func (v *view) sweep(name string) {
	fi, err := v.root.Lstat(name)
	if err != nil || v.now().Sub(fi.ModTime()) < hiddenLife {
		return
	}
	if err := v.root.RemoveAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
}
