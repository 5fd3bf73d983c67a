package local

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// hiddenPrefix begins the names under which unfinished work lies beside its
// target. It differs from what package vfs uses for its own siblings, which
// are ordinary names here.
const hiddenPrefix = ".~davdisk-"

// hiddenRandom is how long the random part of such a name is (crypto/rand.Text).
const hiddenRandom = 26

// hiddenLife is how long a hidden name may rest before it counts as left
// behind by a process that was killed, where no lock tells.
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
// else can read: what it will replace may be private. release is to be called
// when the name is gone.
func (v *view) createHidden(dir string) (f *os.File, name string, release func(), err error) {
	name, release, err = v.makeHidden(dir, func(name string) (err error) {
		if f != nil {
			f.Close() // the one that was swept
		}
		f, err = v.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return err
	})
	return f, name, release, err
}

// makeHidden gives what create makes a new hidden name in dir, and claims it.
func (v *view) makeHidden(dir string, create func(name string) error) (name string, release func(), err error) {
	for range 10 {
		name = hiddenName(dir)
		if err := create(name); err != nil {
			return "", nil, err
		}
		if release, ok := v.claim(name); ok {
			return name, release, nil
		}
	}
	return "", nil, backend.PathError("create", dir, backend.ErrLocked, "temporary files are removed as soon as they are made")
}

// claim locks what has, or will have, a hidden name for as long as this process
// works at it, so that no sweep takes it for left behind. It reports false if a
// sweep was quicker. Where there are no such locks it reports true.
func (v *view) claim(name string) (release func(), ok bool) {
	none := func() {}
	if !hasLocks {
		return none, true // nor may the file be open then while it is renamed
	}
	f, err := v.root.Open(name)
	if err != nil {
		return none, !errors.Is(err, fs.ErrNotExist)
	}
	release = func() { f.Close() }
	held, err := tryLock(f)
	if err == nil && held {
		mine, statErr := f.Stat()
		now, lstatErr := v.root.Lstat(name)
		held = statErr == nil && lstatErr == nil && os.SameFile(mine, now)
	}
	if err == nil && !held {
		release()
		return none, false
	}
	return release, true
}

// sweep removes what a killed process left behind: what nobody has claimed or,
// where that cannot be told, what is older than hiddenLife. A name that cannot
// be removed stays hidden, and is tried again at the next listing.
func (v *view) sweep(name string) {
	fi, err := v.root.Lstat(name)
	if err != nil || !fi.IsDir() && !fi.Mode().IsRegular() {
		return
	}
	old := v.now().Sub(fi.ModTime()) >= hiddenLife
	if hasLocks {
		if f, err := v.root.Open(name); err == nil {
			defer f.Close()
			if held, err := tryLock(f); err == nil {
				old = held
			}
		}
	}
	if !old {
		return
	}
	if err := v.root.RemoveAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.log.Debug("left behind by a killed process, and cannot be removed", "name", name, "error", cause(err))
	}
}

// sweepTree sweeps a folder and all below it.
func (v *view) sweepTree(ctx context.Context, dir string) {
	f, err := v.root.Open(dir)
	if err != nil {
		return
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return
	}
	for _, e := range entries {
		switch name := path.Join(dir, e.Name()); {
		case ctx.Err() != nil:
			return
		case isHidden(e.Name()):
			v.sweep(name)
		case e.IsDir():
			v.sweepTree(ctx, name)
		}
	}
}
