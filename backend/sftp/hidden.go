package sftp

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/internal/ownname"
)

// asideOf returns the name under which an old file waits while a new one takes
// its place, on a server that cannot do that in one step. It is reserved, and
// not hidden: it is never removed for its age, because it may be the only copy.
func asideOf(hidden string) string { return hidden + "-old" }

// own makes a new hidden name in dir one that is never swept here, until release.
func (b *Backend) own(dir string) (name string, release func()) {
	name = ownname.Unfinished(dir)
	b.owned.Store(name, true)
	return name, func() { b.owned.Delete(name) }
}

// touched returns the access time to set together with a modification time: now,
// so that others see that an upload is under way whose file is an old one.
func (b *Backend) touched(modTime time.Time) time.Time {
	if now := b.opts.Now(); inRange(now.Unix()) {
		return now
	}
	return modTime
}

// sweep removes a hidden name if it is stale: nobody has been at work on it
// since the later of its times.
func (b *Backend) sweep(ctx context.Context, name string, fi fs.FileInfo) {
	last := fi.ModTime()
	if stat, ok := fi.Sys().(*sftp.FileStat); ok && stat.AccessTime().After(last) {
		last = stat.AccessTime()
	}
	life := ownname.UnfinishedLife
	if ownname.IsResumable(path.Base(name)) { // a davdisk at the server made it
		life = ownname.ResumableLife
	}
	if last.Unix() == 0 || b.opts.Now().Sub(last) < life {
		return // or the server does not tell times
	}
	if _, owned := b.owned.Load(name); owned {
		return
	}
	_, err := do(ctx, b, func(c *conn) (struct{}, error) { return struct{}{}, removeAll(c, b.at(name), fi.IsDir()) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.opts.Log.Debug("left behind by a killed process, and cannot be removed", "name", name, "error", err)
	}
}

// discard removes a hidden name that is of no use any more, whatever happened to
// the caller's context. What cannot be removed now is swept later.
func (b *Backend) discard(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
	defer cancel()
	_, err := do(ctx, b, func(c *conn) (struct{}, error) { return struct{}{}, removeFile(c, b.at(name)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.opts.Log.Debug("a temporary file cannot be removed now", "name", name, "error", err)
	}
}

// removeFile removes a file and never a folder, which Client.Remove would try.
// After a failure it may be that the folder was what it found.
func removeFile(c *conn, at string) error {
	fi, err := c.Lstat(at)
	if err != nil {
		return err
	}
	if fi.IsDir() {
		return fs.ErrPermission
	}
	return c.Remove(at)
}

// removeAll removes a file, or a folder with everything in it.
func removeAll(c *conn, at string, dir bool) error {
	if !dir {
		return c.Remove(at)
	}
	entries, err := c.ReadDir(at)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := removeAll(c, path.Join(at, e.Name()), e.IsDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return c.RemoveDirectory(at)
}
