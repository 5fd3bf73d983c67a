package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
	"github.com/davdisk/davdisk/internal/reading"
)

// Put implements backend.Backend. The permission bits and the owner of a
// replaced file are kept, but not its access control list and extended
// attributes. If the name is a symbolic link, its target is replaced and the
// link stays.
func (b *Backend) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	v, at, err := b.view(ctx, "put", name)
	if err != nil {
		return backend.Info{}, err
	}
	defer v.close()
	target, in, old, err := v.target(at)
	if err != nil {
		return backend.Info{}, err
	}
	defer in.close()
	if err := b.admits(name, old, opts); err != nil {
		return backend.Info{}, err // before the body is read
	}
	f, temp, usual, release, err := in.createHidden(old)
	if err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	defer release()
	stored := false
	defer func() {
		if !stored {
			in.root.Remove(temp)
		}
	}()
	if err := in.write(ctx, f, temp, body, usual, old, opts); err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	info, err := b.settle(v, name, at, target, temp, opts)
	stored = err == nil
	return info, err
}

// settle renames a finished file to its name, if the conditions of the Put still
// hold. temp is its name in the folder of target.
func (b *Backend) settle(v *view, name, at, target, temp string, opts backend.PutOptions) (backend.Info, error) {
	info, folder, err := b.replace(v, name, at, target, temp, opts)
	if err != nil {
		return backend.Info{}, err
	}
	defer folder.Close()
	// Others make their changes meanwhile, which the file system then writes at once.
	if err := durable.Sync(folder); err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	return info, nil
}

// replace is settle without the sync. It returns the folder that has to be synced,
// and that the caller closes.
func (b *Backend) replace(v *view, name, at, target, temp string, opts backend.PutOptions) (info backend.Info, folder *os.File, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	again, in, old, err := v.target(at)
	if err != nil {
		return info, nil, err
	}
	defer in.close()
	if again != target {
		return info, nil, backend.PathError("put", name, backend.ErrLocked, "the link leads elsewhere since the upload began")
	}
	if err := b.admits(name, old, opts); err != nil {
		return info, nil, err
	}
	folder, err = in.root.Open(".")
	if err != nil {
		return info, nil, pathError("put", name, err)
	}
	err = in.place(temp, path.Base(target), opts.IfAbsent)
	var fi fs.FileInfo
	if err == nil {
		fi, err = in.stat("put", path.Base(target))
	}
	if err != nil {
		folder.Close()
		return info, nil, pathError("put", name, err)
	}
	return b.info(path.Base(name), attributesOf(fi)), folder, nil
}

// target returns the name that a file is to be stored under, which for a link is
// its target, the view of the folder of that name, which the caller closes, and the
// existing file, or nil. A broken link is refused.
func (v *view) target(name string) (target string, in *view, old fs.FileInfo, err error) {
	in, err = v.inside(path.Dir(name))
	if err != nil {
		if err = pathError("put", name, err); errors.Is(err, fs.ErrNotExist) {
			err = errNoParent("put", name)
		}
		return "", nil, nil, err
	}
	old, err = in.root.Lstat(path.Base(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return name, in, nil, nil
	case err == nil && isPlain(old):
		return name, in, old, nil
	}
	in.close()
	if err != nil {
		return "", nil, nil, pathError("put", name, err)
	}
	target, old, err = v.follow(name)
	if err == nil {
		in, err = v.inside(path.Dir(target))
	}
	if err != nil {
		return "", nil, nil, pathError("put", name, err)
	}
	return target, in, old, nil
}

// follow returns what a link leads to.
func (v *view) follow(name string) (string, fs.FileInfo, error) {
	target := name
	for range 40 { // as many links as Linux follows
		fi, err := v.root.Lstat(target)
		if err != nil {
			return "", nil, pathError("put", name, err)
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			if reached, err := v.stat("put", name); err != nil || !os.SameFile(fi, reached) {
				return "", nil, backend.PathError("put", name, fs.ErrPermission, "a link that cannot be followed")
			}
			return target, fi, nil
		}
		to, err := v.root.Readlink(target)
		if err != nil {
			return "", nil, pathError("put", name, err)
		}
		if filepath.IsAbs(to) {
			return "", nil, backend.PathError("put", name, fs.ErrPermission, "a link that leads out of the folder")
		}
		target = path.Join(path.Dir(target), filepath.ToSlash(to))
	}
	return "", nil, backend.PathError("put", name, fs.ErrInvalid, "too many links")
}

// checkParent checks that the parent of a name is a folder.
func (v *view) checkParent(op, name string) error {
	fi, err := v.stat(op, path.Dir(name))
	if err == nil && !fi.IsDir() || errors.Is(err, fs.ErrNotExist) {
		return errNoParent(op, name)
	}
	return err
}

func errNoParent(op, name string) error {
	return backend.PathError(op, name, fs.ErrNotExist, "the folder it would be in is missing")
}

// admits checks the conditions of a Put against the existing file.
func (b *Backend) admits(name string, old fs.FileInfo, opts backend.PutOptions) error {
	switch {
	case old != nil && old.IsDir():
		return backend.PathError("put", name, backend.ErrIsDir, "")
	case old != nil && opts.IfAbsent:
		return backend.PathError("put", name, fs.ErrExist, "")
	case opts.IfVersion != "" && (old == nil || b.version(old) != opts.IfVersion):
		return backend.PathError("put", name, backend.ErrChanged, "")
	}
	return nil
}

// write writes the body to a hidden file, syncs it, and closes it.
func (v *view) write(ctx context.Context, f *os.File, temp string, body io.Reader, usual fs.FileMode, old fs.FileInfo, opts backend.PutOptions) error {
	err := v.fill(f, reading.Exactly(reading.Until(ctx, body), opts.Size))
	if err == nil {
		err = finish(ctx, f, usual, old)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = v.keepTime(temp, opts.ModTime)
	}
	return err
}

// finish gives a written file its permissions, and syncs it.
func finish(ctx context.Context, f *os.File, usual fs.FileMode, old fs.FileInfo) error {
	if err := permit(f, usual, old); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return ctx.Err()
}

// keepTime sets the time of a written file, if there is one. A time that cannot be
// kept is no reason to refuse the content.
func (v *view) keepTime(name string, t time.Time) error {
	if t.IsZero() {
		return nil
	}
	if err := v.setTime(name, t, v.now()); !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// fill copies a body to a file, through a buffer that is used again.
func (v *view) fill(f *os.File, body io.Reader) error {
	buffer, ok := v.buffers.Get().(*[bufferSize]byte)
	if !ok {
		buffer = new([bufferSize]byte)
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{f}, body, buffer[:])
	if err == nil {
		v.buffers.Put(buffer) // else a body that was given up may still fill it
	}
	return err
}

// place renames a finished file to its name. With ifAbsent it makes a hard
// link, which fails if another program was quicker; not every file system
// supports them.
func (v *view) place(temp, target string, ifAbsent bool) error {
	if ifAbsent {
		err := v.root.Link(temp, target)
		if err == nil {
			return v.root.Remove(temp)
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return v.root.Rename(temp, target)
}
