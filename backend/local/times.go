package local

import (
	"context"
	"io/fs"
	"math"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// granularity is that of the coarsest file system, FAT.
const granularity = 2 * time.Second

// SetModTime implements backend.ModTimer. A time that the file system of the
// folder cannot keep is fs.ErrInvalid, and the file keeps the one it has.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	v, at, err := b.view(ctx, "chtimes", name)
	if err != nil {
		return err
	}
	defer v.close()
	b.mu.Lock()
	defer b.mu.Unlock()
	before, err := v.stat("chtimes", at)
	if err != nil {
		return err
	}
	version := b.version(before)
	setErr := v.setTime(at, t, before.ModTime())
	after, err := v.stat("chtimes", at)
	if err != nil {
		return err
	}
	b.keepVersion(version, after)
	return pathError("chtimes", name, setErr)
}

// setTime sets the modification time of a file, and if it cannot be kept that
// of instead. Package os counts in nanoseconds of 64 bits, and what has no room in
// them, or in what a file system has for it, would come back as another time
// without an error: the year 9999 as 1901.
func (v *view) setTime(name string, t, instead time.Time) error {
	first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
	if t.Before(first) || t.After(last) {
		return errNoSuchTime(name)
	}
	if err := v.root.Chtimes(name, time.Time{}, t); err != nil {
		return err
	}
	fi, err := v.root.Stat(name)
	if err != nil || fi.ModTime().Sub(t).Abs() < granularity {
		return err
	}
	if err := v.root.Chtimes(name, time.Time{}, instead); err != nil {
		return err
	}
	return errNoSuchTime(name)
}

func errNoSuchTime(name string) error {
	return backend.PathError("chtimes", name, fs.ErrInvalid, "the file system cannot keep a time that early or late")
}
