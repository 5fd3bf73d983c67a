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
	// syncedAlone is how many files and folders a copied tree may have that are
	// synced one by one. A larger tree is synced together with its file system, if
	// that can be: that takes as long as a few files, but also writes what other
	// programs have just written there.
	syncedAlone = 64
	// copyStep is how many bytes are copied, by the system where it can, between
	// two looks at the context.
	copyStep = 16 << 20
)

// A treeCopy copies a tree into a hidden folder.
type treeCopy struct {
	*view
	ctx     context.Context
	syncAll func() error // syncs the file system of the hidden folder; nil if each file is synced alone
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
	c := &treeCopy{view: v, ctx: ctx}
	if fi, err := v.root.Stat(from); err == nil && fi.IsDir() && v.count(from, syncedAlone+1) > syncedAlone {
		c.syncAll = fileSystemSync(dir)
	}
	if err := c.copy(from, to); err != nil || c.syncAll == nil {
		return err
	}
	return c.syncAll()
}

// count returns how many files and folders a tree has, but at most limit. What cannot
// be read is not counted.
func (v *view) count(dir string, limit int) int {
	n := 1
	f, err := v.root.Open(dir)
	if err != nil {
		return n
	}
	entries, _ := f.ReadDir(limit)
	f.Close()
	for _, e := range entries {
		switch {
		case n >= limit:
			return n
		case e.IsDir():
			n += v.count(path.Join(dir, e.Name()), limit-n)
		default:
			n++
		}
	}
	return n
}

// copy copies a file, a link or a tree.
func (c *treeCopy) copy(from, to string) error {
	src, dst, err := c.insideBoth(path.Dir(from), path.Dir(to))
	if err != nil {
		return err
	}
	defer src.close()
	defer dst.close()
	folder, err := c.copyEntry(src, dst, from, to)
	if err != nil || folder == nil {
		return err
	}
	return c.copyFolder(from, to, folder)
}

// insideBoth returns the views of the folders that are copied from and to.
func (c *treeCopy) insideBoth(from, to string) (src, dst *view, err error) {
	if src, err = c.inside(from); err != nil {
		return nil, nil, err
	}
	if dst, err = c.inside(to); err != nil {
		src.close()
		return nil, nil, err
	}
	return src, dst, nil
}

// copyFolder copies what is in a folder to one that has been created.
func (c *treeCopy) copyFolder(from, to string, fi fs.FileInfo) error {
	below, err := c.copyEntries(from, to)
	if err != nil {
		return err
	}
	for _, f := range below {
		if err := c.copyFolder(path.Join(from, f.base), path.Join(to, f.base), f.fi); err != nil {
			return err
		}
	}
	if c.syncAll == nil {
		if err := c.sync("copy", to); err != nil {
			return err
		}
	}
	return c.adopt(to, fi)
}

// subfolder is a folder whose copy is still empty.
type subfolder struct {
	base string
	fi   fs.FileInfo
}

// copyEntries copies what is in a folder except what its folders hold, and returns
// those: however deep a tree is, two of its folders are open at a time.
func (c *treeCopy) copyEntries(from, to string) (below []subfolder, err error) {
	src, dst, err := c.insideBoth(from, to)
	if err != nil {
		return nil, err
	}
	defer src.close()
	defer dst.close()
	entries, err := src.names(".")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if ownname.IsUnfinished(entry) {
			continue
		}
		folder, err := c.copyEntry(src, dst, path.Join(from, entry), path.Join(to, entry))
		if err != nil {
			return nil, err
		}
		if folder != nil {
			below = append(below, subfolder{entry, folder})
		}
	}
	return below, nil
}

// copyEntry copies an entry of the folder src to the folder dst. Of a folder it
// creates an empty one, and returns its description.
func (c *treeCopy) copyEntry(src, dst *view, from, to string) (folder fs.FileInfo, err error) {
	fi, err := src.root.Lstat(path.Base(from))
	if err != nil {
		return nil, err
	}
	open := func() (*os.File, error) { return src.root.Open(path.Base(from)) }
	if fi.Mode()&fs.ModeSymlink != 0 {
		shown, omitted, err := c.entry(path.Dir(from), path.Base(from))
		switch {
		case err != nil:
			return nil, err
		case shown != nil && omitted == "":
			fi = shown
			open = func() (*os.File, error) { return c.root.Open(from) } // it may lead out of src
		}
	}
	switch {
	case fi.Mode().IsRegular():
		in, err := open()
		if err != nil {
			return nil, err
		}
		defer in.Close()
		return nil, c.copyFile(in, from, dst, path.Base(to))
	case fi.Mode()&fs.ModeSymlink != 0:
		link, err := src.root.Readlink(path.Base(from))
		if err != nil {
			return nil, err
		}
		return nil, dst.root.Symlink(link, path.Base(to))
	case !fi.IsDir():
		return nil, backend.PathError("copy", from, errors.ErrUnsupported, "neither a file nor a folder")
	}
	return fi, dst.root.Mkdir(path.Base(to), 0o700)
}

// copyFile copies the open file with the name from to a new one in the folder dst.
// Another program may write to it meanwhile: then the copy is neither its old content
// nor its new, and fails.
func (c *treeCopy) copyFile(in *os.File, from string, dst *view, base string) error {
	opened, err := in.Stat()
	if err != nil {
		return err
	}
	mode := opened.Mode().Perm()
	// The hidden folder is private. On some network file systems a file that may not be
	// written to is not, though it was just created.
	out, err := dst.root.OpenFile(base, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o600)
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
	if copied.Mode().Perm() != mode {
		if err := out.Chmod(mode); err != nil {
			return err
		}
	}
	if c.syncAll == nil {
		if err := out.Sync(); err != nil {
			return err
		}
	}
	if err := setTimeOpen(out, opened.ModTime()); err != nil {
		return dst.root.Chtimes(base, opened.ModTime(), opened.ModTime())
	}
	return nil
}
