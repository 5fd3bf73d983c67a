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

// hiddenLife is how long a hidden name may rest before it counts as left
// behind by a process that was killed.
const hiddenLife = 24 * time.Hour

func isHidden(base string) bool { return strings.HasPrefix(base, hiddenPrefix) }

// hiddenName returns a new name in dir that nobody is shown.
func hiddenName(dir string) string {
	return path.Join(dir, hiddenPrefix+rand.Text())
}

// createHidden makes an empty file under a new hidden name in dir.
func (v *view) createHidden(dir string) (f *os.File, name string, err error) {
	name = hiddenName(dir)
	f, err = v.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
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
