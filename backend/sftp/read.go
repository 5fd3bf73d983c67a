package sftp

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"mime"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

const (
	// folderCount and folderLife bound how long a name is known to be a folder,
	// not a link, without asking.
	folderCount = 4096
	folderLife  = 10 * time.Second
)

// Stat implements backend.Backend.
func (b *Backend) Stat(ctx context.Context, name string) (backend.Info, error) {
	fi, err := b.find(ctx, "stat", name)
	if err != nil {
		return backend.Info{}, err
	}
	return b.info(name, fi), nil
}

// List implements backend.Backend.
func (b *Backend) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	fi, err := b.find(ctx, "list", name)
	if err != nil {
		return backend.Info{}, nil, err
	}
	self := b.info(name, fi)
	if !self.Dir {
		return self, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	entries, err := b.entries(ctx, name)
	if err != nil {
		return backend.Info{}, nil, pathError("list", name, err)
	}
	return self, func(yield func(backend.Info, error) bool) {
		seen := map[string]bool{}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				yield(backend.Info{}, &fs.PathError{Op: "list", Path: name, Err: err})
				return
			}
			entry := path.Join(name, e.Name())
			if ownname.IsUnfinished(e.Name()) {
				b.sweep(ctx, entry, e)
				continue
			}
			if omitted(e) != "" || seen[e.Name()] {
				continue
			}
			seen[e.Name()] = true
			if !yield(b.info(entry, e), nil) {
				return
			}
		}
	}, nil
}

// entries reads a folder. Servers may leave out what an entry is.
func (b *Backend) entries(ctx context.Context, name string) ([]fs.FileInfo, error) {
	entries, err := within(ctx, b, func(c *conn) ([]fs.FileInfo, error) { return c.ReadDirContext(ctx, b.at(name)) })
	if err != nil {
		return nil, err
	}
	known := entries[:0]
	for _, e := range entries {
		if !hasType(e) && usable(e.Name()) {
			full, err := do(ctx, b, func(c *conn) (fs.FileInfo, error) { return c.Lstat(b.at(path.Join(name, e.Name()))) })
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			e = full
		}
		known = append(known, e)
	}
	return known, nil
}

// hasType reports whether the server says whether an entry is a file or a folder.
func hasType(fi fs.FileInfo) bool {
	stat, ok := fi.Sys().(*sftp.FileStat)
	return !ok || stat.Mode&sftp.S_IFMT != 0
}

// usable reports whether a caller could name an entry.
func usable(base string) bool {
	return base != "" && base != "." && base != ".." && utf8.ValidString(base) && !strings.ContainsAny(base, "/\x00")
}

// omitted returns the reason why an entry is not listed, if it is not.
func omitted(fi fs.FileInfo) string {
	switch {
	case !usable(fi.Name()):
		return "its name is not UTF-8"
	case ownname.IsUnfinishedReserved(fi.Name()):
		return "its name begins as those of davdisk's temporary files do"
	case fi.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link, and those are not followed"
	case !fi.IsDir() && !fi.Mode().IsRegular():
		return "neither a file nor a folder"
	case !hasType(fi):
		return "the server does not say what it is"
	}
	return ""
}

// Omitted returns the entries of a folder that List omits, each as an error
// with the reason. A caller that copies a folder must report them, because
// removing the source afterwards would lose them.
func (b *Backend) Omitted(ctx context.Context, name string) ([]error, error) {
	fi, err := b.find(ctx, "list", name)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	entries, err := b.entries(ctx, name)
	if err != nil {
		return nil, pathError("list", name, err)
	}
	var all []error
	for _, e := range entries {
		if reason := omitted(e); reason != "" && !ownname.IsUnfinished(e.Name()) {
			all = append(all, backend.PathError("copy", path.Join(name, e.Name()), errors.ErrUnsupported, reason))
		}
	}
	return all, nil
}

// find describes a file or a folder.
func (b *Backend) find(ctx context.Context, op, name string) (fs.FileInfo, error) {
	if err := check(ctx, op, name); err != nil {
		return nil, err
	}
	if err := b.walk(ctx, path.Dir(name)); err != nil {
		return nil, pathError(op, name, err)
	}
	fi, err := b.lstat(ctx, name)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	if reason := omitted(fi); reason != "" && name != "." {
		return nil, backend.PathError(op, name, fs.ErrPermission, reason)
	}
	return fi, nil
}

// walk makes sure that a name, and each above it, is a folder and no link.
func (b *Backend) walk(ctx context.Context, dir string) error {
	if dir == "." {
		return nil
	}
	if since, ok := b.folders.Get(dir); ok && b.opts.Now().Sub(since) < folderLife {
		return nil
	}
	if err := b.walk(ctx, path.Dir(dir)); err != nil {
		return err
	}
	fi, err := b.lstat(ctx, dir)
	switch {
	case err != nil:
		return err
	case fi.Mode()&fs.ModeSymlink != 0:
		return &backend.Error{Kind: fs.ErrPermission, Message: "a symbolic link leads there, and those are not followed"}
	case !fi.IsDir():
		return fs.ErrNotExist
	}
	b.folders.Add(dir, b.opts.Now())
	return nil
}

// unknow invalidates what is known of a folder and of those below it.
func (b *Backend) unknow(dir string) {
	for _, known := range b.folders.Keys() {
		if backend.Within(known, dir) {
			b.folders.Remove(known)
		}
	}
}

// lstat describes what is at a name. The root may be a link.
func (b *Backend) lstat(ctx context.Context, name string) (fs.FileInfo, error) {
	return within(ctx, b, func(c *conn) (fs.FileInfo, error) {
		if name == "." {
			return c.Stat(b.root)
		}
		return c.Lstat(b.at(name))
	})
}

// info describes the file or folder with a name.
func (b *Backend) info(name string, fi fs.FileInfo) backend.Info {
	i := backend.Info{Name: path.Base(name), Dir: fi.IsDir(), ModTime: fi.ModTime()}
	if !i.Dir {
		i.Size = fi.Size()
		i.Version = b.versions.of(name, stampOf(fi))
		i.ContentType = mime.TypeByExtension(path.Ext(name))
	}
	return i
}

// check refuses invalid and reserved names, and an ended context.
func check(ctx context.Context, op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	for part := range strings.SplitSeq(name, "/") {
		if ownname.IsUnfinishedReserved(part) {
			return backend.PathError(op, name, fs.ErrInvalid, "names that begin with "+ownname.UnfinishedPrefix+" are used by davdisk itself")
		}
	}
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}
