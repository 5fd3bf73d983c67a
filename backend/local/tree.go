package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
	"github.com/davdisk/davdisk/internal/ownname"
)

// Remove implements backend.Backend. It is always permanent. A folder is
// renamed to a hidden name first, so that a part of it is never visible; one
// that cannot be removed is renamed back.
func (b *Backend) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	v, at, err := b.view(ctx, "remove", name)
	if err != nil {
		return err
	}
	defer v.close()
	if at == "." {
		return backend.PathError("remove", name, fs.ErrInvalid, "the root itself")
	}
	folder, err := b.remove(ctx, v, name, at, opts)
	if err != nil || folder == nil {
		return pathError("remove", name, err)
	}
	defer folder.Close()
	return pathError("remove", name, durable.Sync(folder))
}

// remove is Remove. It returns the folder if that still has to be synced; the caller
// closes it.
func (b *Backend) remove(ctx context.Context, v *view, name, at string, opts backend.RemoveOptions) (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in, err := v.inside(path.Dir(at))
	if err != nil {
		return nil, err
	}
	defer in.close()
	base := path.Base(at)
	fi, err := in.root.Lstat(base)
	if err != nil {
		return nil, err
	}
	if err := v.stillHas(at, fi, opts.IfVersion); err != nil {
		return nil, err
	}
	if fi.IsDir() && !opts.IfEmpty {
		if err := v.shown(ctx, name, at); err != nil {
			return nil, err
		}
		return nil, v.removeTree(at)
	}
	folder, err := in.root.Open(".")
	if err != nil {
		return nil, err
	}
	err = in.root.Remove(base) // fails unless the folder is empty, listed or not
	if fi.IsDir() && errors.Is(pathError("remove", name, err), backend.ErrNotEmpty) && v.removeResumable(at) {
		err = in.root.Remove(base)
	}
	if err != nil {
		folder.Close()
		return nil, err
	}
	return folder, nil
}

// stillHas checks the version of a file that is to be removed. The version of a
// link is that of its target, as in Stat; a broken link has no content to lose.
func (v *view) stillHas(name string, fi fs.FileInfo, version string) error {
	if version == "" {
		return nil
	}
	told, err := v.stat("remove", name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fi.Mode()&fs.ModeSymlink != 0:
		return nil
	case err != nil:
		return err
	case told.IsDir() || v.version(told) != version:
		return backend.PathError("remove", name, backend.ErrChanged, "")
	}
	return nil
}

// removeTree removes a folder with everything in it. Its hidden name is synced
// before anything is removed: after a loss of power the folder is there whole, or
// what is left of it is hidden, and swept.
func (v *view) removeTree(name string) error {
	release, _ := v.claim(name) // if it is locked, then by another program
	defer release()
	dir := path.Dir(name)
	aside := ownname.Unfinished(dir)
	if err := v.root.Rename(name, aside); err != nil {
		return err
	}
	err := v.sync("remove", dir)
	if err == nil {
		err = v.root.RemoveAll(aside)
	}
	if err != nil {
		err = errors.Join(err, v.root.Rename(aside, name), v.sync("remove", dir))
	}
	return err
}

// Move implements backend.Backend. It moves a link, not its target, and keeps
// the target. Links in a folder that is moved stay as they are.
func (b *Backend) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	v, from, to, err := b.viewTwo(ctx, "move", from, to)
	if err != nil {
		return err
	}
	defer v.close()
	folders, err := b.move(v, from, to, opts.Overwrite)
	for _, folder := range folders {
		if err == nil {
			err = durable.Sync(folder)
		}
		folder.Close()
	}
	return linkError("move", from, to, err)
}

// move is Move. It returns the folders that still have to be synced; the caller
// closes them.
func (b *Backend) move(v *view, from, to string, overwrite bool) (folders []*os.File, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	source, err := v.pair("move", from, to, overwrite)
	if err != nil || from == to {
		return nil, err
	}
	for _, dir := range slices.Compact([]string{path.Dir(to), path.Dir(from)}) {
		folder, err := v.root.Open(dir)
		if err != nil {
			return folders, err
		}
		folders = append(folders, folder)
	}
	version := b.version(source)
	if source.Mode()&fs.ModeSymlink != 0 {
		err = v.moveLink(from, to)
	} else {
		err = v.root.Rename(from, to)
	}
	if err != nil {
		return folders, err
	}
	if moved, err := v.root.Lstat(to); err == nil {
		b.keepVersion(version, moved)
	}
	return folders, nil
}

// moveLink moves a link. A relative one is rewritten if it would have another
// target in its new folder.
func (v *view) moveLink(from, to string) error {
	text, err := v.root.Readlink(from)
	if err != nil {
		return err
	}
	shown, err := v.root.Stat(from)
	if err != nil || v.leads(to, text, shown) {
		return v.root.Rename(from, to) // the target is the same, or was missing before
	}
	text, err = filepath.Rel(filepath.FromSlash(path.Dir(to)), filepath.Join(filepath.FromSlash(path.Dir(from)), text))
	if err != nil || !v.leads(to, text, shown) {
		return backend.LinkError("move", from, to, fs.ErrPermission, "a link that would lead elsewhere from there")
	}
	hidden, release, err := v.makeHidden(path.Dir(to), func(name string) error { return v.root.Mkdir(name, 0o700) })
	if err != nil {
		return err
	}
	defer release()
	defer v.root.RemoveAll(hidden)
	temp := path.Join(hidden, path.Base(to))
	if err := v.root.Symlink(text, temp); err != nil {
		return err
	}
	if err := v.root.Rename(temp, to); err != nil {
		return err
	}
	return v.root.Remove(from)
}

// leads reports whether a link with that text at name would have the target
// want.
func (v *view) leads(name, text string, want fs.FileInfo) bool {
	got, err := v.root.Stat(path.Dir(name) + "/" + filepath.ToSlash(text))
	return err == nil && os.SameFile(got, want)
}

// pair checks both names of a Move or Copy, and returns the source.
func (v *view) pair(op, from, to string, overwrite bool) (fs.FileInfo, error) {
	source, err := v.root.Lstat(from)
	if err != nil {
		return nil, linkError(op, from, to, err)
	}
	if from == to {
		return source, nil
	}
	if source.IsDir() && backend.Within(to, from) {
		return nil, backend.LinkError(op, from, to, fs.ErrInvalid, "a folder cannot be put below itself")
	}
	target, err := v.root.Lstat(to)
	switch {
	case errors.Is(pathError(op, to, err), fs.ErrNotExist):
		if err := v.checkParent(op, to); err != nil {
			return nil, linkError(op, from, to, err)
		}
		return source, nil
	case err != nil:
		return nil, linkError(op, from, to, err)
	case strings.EqualFold(from, to) && os.SameFile(source, target):
		return source, nil // the same name in other case, on a case-insensitive file system
	case !overwrite || source.IsDir() || target.IsDir():
		return nil, backend.LinkError(op, from, to, fs.ErrExist, "")
	}
	if _, err := v.stat(op, to); err != nil {
		return nil, backend.LinkError(op, from, to, fs.ErrExist, "something that cannot be shown here")
	}
	return source, nil
}

// Copy implements backend.Copier. A tree is built in a hidden folder and
// renamed when it is complete. Times and permission bits are copied too. A
// listed link is copied as its content, so that a write to the copy does not
// change the original; one that is not listed is copied as a link.
func (b *Backend) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	v, from, to, err := b.viewTwo(ctx, "copy", from, to)
	if err != nil {
		return err
	}
	defer v.close()
	if from == to {
		return backend.LinkError("copy", from, to, fs.ErrInvalid, "onto itself")
	}
	if _, err := v.pair("copy", from, to, opts.Overwrite); err != nil {
		return err
	}
	hidden, release, err := v.makeHidden(path.Dir(to), func(name string) error { return v.root.Mkdir(name, 0o700) })
	if err != nil {
		return linkError("copy", from, to, err)
	}
	defer release()
	defer v.root.RemoveAll(hidden)
	temp := path.Join(hidden, path.Base(to))
	if err := v.copyDurably(ctx, from, hidden, temp); err != nil {
		return linkError("copy", from, to, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := v.pair("copy", from, to, opts.Overwrite); err != nil {
		return err
	}
	if err := v.root.Rename(temp, to); err != nil {
		return linkError("copy", from, to, err)
	}
	return v.sync("copy", path.Dir(to))
}

// adopt gives the copy of a folder the permission bits, the setgid bit and the time of
// the original.
func (v *view) adopt(name string, fi fs.FileInfo) error {
	if err := v.root.Chmod(name, fi.Mode()&(fs.ModePerm|fs.ModeSetgid|fs.ModeSticky)); err != nil {
		return err
	}
	return v.root.Chtimes(name, fi.ModTime(), fi.ModTime())
}
