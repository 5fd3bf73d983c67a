package sftp

import (
	"context"
	"io/fs"
	"math"
	"time"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// inRange reports whether the protocol has room for a time: 32 bits of seconds
// since 1970.
func inRange(seconds int64) bool { return seconds >= 0 && seconds <= math.MaxUint32 }

// SetModTime implements backend.ModTimer. Times are whole seconds; one that the
// protocol or the server's file system cannot keep is fs.ErrInvalid, and the
// file keeps the one it has.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	if err := check(ctx, "chtimes", name); err != nil {
		return err
	}
	if !inRange(t.Unix()) {
		return errNoSuchTime(name)
	}
	unlock, err := b.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return pathError("chtimes", name, err)
	}
	defer unlock()
	before, err := b.find(ctx, "chtimes", name)
	if err != nil {
		return err
	}
	version := b.versions.of(name, stampOf(before))
	after, err := b.chtimes(ctx, name, before, t)
	if err == nil && after.ModTime().Unix() != t.Unix() {
		if after, err = b.chtimes(ctx, name, before, before.ModTime()); err == nil {
			err = errNoSuchTime(name)
		}
	}
	if after != nil && !after.IsDir() && after.Size() == before.Size() {
		b.versions.remember(name, stampOf(after), version)
	}
	return pathError("chtimes", name, err)
}

// chtimes sets the modification time of a file, keeps its access time, and
// describes what is there then. It can be repeated.
func (b *Backend) chtimes(ctx context.Context, name string, before fs.FileInfo, t time.Time) (fs.FileInfo, error) {
	access := t
	if stat, ok := before.Sys().(*sftp.FileStat); ok {
		access = stat.AccessTime()
	}
	return within(context.WithoutCancel(ctx), b, func(c *conn) (fs.FileInfo, error) {
		if err := c.Chtimes(b.at(name), access, t); err != nil {
			return nil, err
		}
		return c.Lstat(b.at(name))
	})
}

func errNoSuchTime(name string) error {
	return backend.PathError("chtimes", name, fs.ErrInvalid, "the server cannot keep a time that early or late")
}
