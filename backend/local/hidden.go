package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

// createHidden creates an empty private file under a new hidden name. If it is to
// replace old, nobody else may ever have opened it, because old may be private too;
// if that is nil, usual is the mode of a new file. release must be called when the
// name does not exist any more.
func (v *view) createHidden(old fs.FileInfo) (f *os.File, name string, usual fs.FileMode, release func(), err error) {
	name, release, err = v.makeHidden(".", func(name string) (err error) {
		if f != nil {
			f.Close() // the one that was swept
		}
		if old == nil {
			f, usual, err = v.createUsual(name)
		} else {
			f, err = v.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
		return err
	})
	return f, name, usual, release, err
}

// makeHidden calls create with a new hidden name in dir, and claims it.
func (v *view) makeHidden(dir string, create func(name string) error) (name string, release func(), err error) {
	for range 10 {
		name = ownname.Unfinished(dir)
		if err := create(name); err != nil {
			return "", nil, err
		}
		if release, ok := v.claim(name); ok {
			return name, release, nil
		}
	}
	return "", nil, backend.PathError("create", dir, backend.ErrLocked, "temporary files are removed as soon as they are made")
}

// claim locks a hidden name while this process uses it, so that no sweep removes
// it. It reports false if a sweep was quicker, and true if there are no locks.
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
	if held, err := tryLock(f); err == nil && !(held && v.has(name, f)) {
		release()
		return none, false
	}
	return release, true
}

// has reports whether a name is that of an open file.
func (v *view) has(name string, f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := v.root.Lstat(name)
	return err == nil && os.SameFile(opened, now)
}

// sweep removes stale hidden names: those not claimed or, without locks, older
// than ownname.UnfinishedLife; a resumable one not before ownname.ResumableLife. One
// that cannot be removed stays hidden, and is retried by the next listing.
func (v *view) sweep(name string) {
	fi, err := v.root.Lstat(name)
	if err != nil || !fi.IsDir() && !fi.Mode().IsRegular() {
		return
	}
	age := v.now().Sub(fi.ModTime())
	if fi.Mode().IsRegular() && ownname.IsResumable(path.Base(name)) && age < ownname.ResumableLife {
		return
	}
	v.sweepUnused(name, age >= ownname.UnfinishedLife)
}

// sweepUnused removes a hidden name that is not claimed or, without locks, old.
func (v *view) sweepUnused(name string, old bool) {
	if hasLocks {
		f, err := v.root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return // what has the name next is in use
		}
		if err == nil {
			defer f.Close()
			if held, err := tryLock(f); err == nil {
				old = held && v.has(name, f)
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

// sweepTree sweeps a folder and everything below it.
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
		case ownname.IsUnfinished(e.Name()):
			v.sweep(name)
		case e.IsDir():
			v.sweepTree(ctx, name)
		}
	}
}
