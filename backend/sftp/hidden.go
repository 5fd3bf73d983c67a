package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// hiddenPrefix is the prefix of the names of unfinished work beside its target.
// It is that of package local, so that a folder may be served in both ways.
const hiddenPrefix = ".~davdisk-"

// hiddenRandom is how long the random part of such a name is (crypto/rand.Text).
const hiddenRandom = 26

// hiddenLife is how long after its last change a hidden name is stale: nobody
// is at work on it any more.
const hiddenLife = 24 * time.Hour

// isReserved reports whether a name must not be used by callers.
func isReserved(base string) bool { return strings.HasPrefix(base, hiddenPrefix) }

// isHidden reports whether a name was made by hiddenName. Other names with the
// prefix are a user's files, which are neither listed nor removed.
func isHidden(base string) bool {
	random, ok := strings.CutPrefix(base, hiddenPrefix)
	return ok && len(random) == hiddenRandom && strings.Trim(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// hiddenName returns a new hidden name in dir.
func hiddenName(dir string) string { return path.Join(dir, hiddenPrefix+rand.Text()) }

// asideOf returns the name under which an old file waits while a new one takes
// its place, on a server that cannot do that in one step. It is reserved, and
// not hidden: it is never removed for its age, because it may be the only copy.
func asideOf(hidden string) string { return hidden + "-old" }

// sweep removes a hidden name if it is stale.
func (b *Backend) sweep(ctx context.Context, name string, fi fs.FileInfo) {
	if b.opts.Now().Sub(fi.ModTime()) < hiddenLife {
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
