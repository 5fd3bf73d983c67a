package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

const (
	// syncedAlone is how many files and folders of a copied tree are synced one by
	// one. A larger tree is synced together with its file system, if that can be:
	// that takes as long as a few files, but also writes what other programs have
	// just written there.
	syncedAlone = 64
	// copyStep is how many bytes are copied, by the system where it can, between
	// two looks at the context.
	copyStep = 16 << 20
)

// A treeCopy copies a tree into a hidden folder.
type treeCopy struct {
	*view
	ctx     context.Context
	syncAll func() error // syncs the file system of the hidden folder; nil if that cannot be
	alone   int          // how many more are synced one by one if there is syncAll
}

// copyDurably copies a file or a tree to a name in a hidden folder. When it
// returns nil, all of the copy is durable.
func (v *view) copyDurably(ctx context.Context, from, hidden, to string) error {
	// Opened before anything is written, because an error of writing is reported
	// to the files that were open then.
	dir, err := v.root.Open(hidden)
	if err != nil {
		return err
	}
	defer dir.Close()
	c := &treeCopy{view: v, ctx: ctx, syncAll: fileSystemSync(dir), alone: syncedAlone}
	if err := c.copy(from, to); err != nil {
		return err
	}
	if c.syncAll != nil && c.alone < 0 {
		return c.syncAll()
	}
	return nil
}

// isAlone reports whether the next file or folder is to be synced by itself.
func (c *treeCopy) isAlone() bool {
	if c.syncAll == nil {
		return true
	}
	if c.alone >= 0 {
		c.alone--
	}
	return c.alone >= 0
}

func (c *treeCopy) copy(from, to string) error {
	fi, err := c.root.Lstat(from)
	if err != nil {
		return err
	}
	if fi.Mode()&fs.ModeSymlink != 0 {
		shown, omitted, err := c.entry(path.Dir(from), path.Base(from))
		switch {
		case err != nil:
			return err
		case shown != nil && omitted == "":
			fi = shown
		}
	}
	switch {
	case fi.Mode().IsRegular():
		return c.copyFile(from, to)
	case fi.Mode()&fs.ModeSymlink != 0:
		link, err := c.root.Readlink(from)
		if err != nil {
			return err
		}
		return c.root.Symlink(link, to)
	case !fi.IsDir():
		return backend.PathError("copy", from, errors.ErrUnsupported, "neither a file nor a folder")
	}
	if err := c.root.Mkdir(to, 0o700); err != nil {
		return err
	}
	dir, err := c.root.Open(from)
	if err != nil {
		return err
	}
	entries, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if ownname.IsUnfinished(entry) {
			continue
		}
		if err := c.copy(path.Join(from, entry), path.Join(to, entry)); err != nil {
			return err
		}
	}
	if c.isAlone() {
		if err := c.sync("copy", to); err != nil {
			return err
		}
	}
	return c.adopt(to, fi)
}

// copyFile copies a file. Another program may write to it meanwhile: then the
// copy is neither its old content nor its new, and fails.
func (c *treeCopy) copyFile(from, to string) error {
	in, err := c.root.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	opened, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := c.root.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	for left := opened.Size(); left > 0; left -= copyStep {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		// An early io.EOF is judged below by the length: where the kernel fails in
		// the middle of a step, os.File.ReadFrom does not count what it has copied.
		if _, err := io.CopyN(out, in, min(left, copyStep)); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	copied, err := out.Stat()
	if err != nil {
		return err
	}
	source := &content{b: c.Backend, opened: opened}
	switch now, err := in.Stat(); {
	case err != nil:
		return err
	case !source.same(now):
		return backend.PathError("copy", from, backend.ErrUnavailable, "it was written to while it was copied")
	case copied.Size() != opened.Size():
		return backend.PathError("copy", from, backend.ErrUnavailable, fmt.Sprintf("%d of its %d bytes could be copied", copied.Size(), opened.Size()))
	}
	if c.isAlone() {
		if err := out.Sync(); err != nil {
			return err
		}
	}
	return c.adopt(to, opened)
}
