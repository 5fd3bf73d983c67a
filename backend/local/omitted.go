package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

// Omitted returns the entries of a folder that List omits, each as an error
// with the reason. A caller that copies a folder must report them, because
// removing the source afterwards would lose them.
func (b *Backend) Omitted(ctx context.Context, name string) ([]error, error) {
	v, at, err := b.view(ctx, "list", name)
	if err != nil {
		return nil, err
	}
	defer v.close()
	entries, err := v.names(at)
	if err != nil {
		return nil, pathError("list", name, err)
	}
	var all []error
	for _, entry := range entries {
		if ownname.IsUnfinished(entry) {
			continue
		}
		if _, omitted, err := v.entry(at, entry); err == nil && omitted != "" {
			all = append(all, backend.PathError("copy", path.Join(name, entry), errors.ErrUnsupported, omitted))
		}
	}
	return all, nil
}

// CheckRemove implements backend.RemoveChecker.
func (b *Backend) CheckRemove(ctx context.Context, name string) error {
	v, at, err := b.view(ctx, "remove", name)
	if err != nil {
		return err
	}
	defer v.close()
	fi, err := v.root.Lstat(at)
	if err != nil || !fi.IsDir() {
		return pathError("remove", name, err)
	}
	return v.shown(ctx, name, at)
}

// shown fails if a folder, or one below it, contains an entry that List omits.
// name is the folder's name for the caller.
func (v *view) shown(ctx context.Context, name, at string) error {
	dir, err := v.root.Open(at)
	if err != nil {
		return pathError("remove", name, err)
	}
	entries, err := dir.ReadDir(-1)
	dir.Close()
	if err != nil {
		return pathError("remove", name, err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return &fs.PathError{Op: "remove", Path: name, Err: err}
		}
		base, usual := e.Name(), utf8.ValidString(e.Name()) && !ownname.IsUnfinishedReserved(e.Name())
		switch {
		case ownname.IsUnfinished(base), usual && e.Type().IsRegular():
			continue
		case usual && e.IsDir():
			if err := v.shown(ctx, path.Join(name, base), path.Join(at, base)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		_, omitted, err := v.entry(at, base)
		if err != nil {
			return err
		}
		if omitted != "" {
			v.log.Warn("a folder is not removed or replaced, because it holds what listings do not show; remove that on this machine",
				"folder", name, "entry", base, "reason", omitted)
			return backend.PathError("remove", name, backend.ErrNotEmpty,
				fmt.Sprintf("it holds %q, which cannot be shown here (%s) and would be lost; it has to be removed on the server first", path.Join(at, base), omitted))
		}
	}
	return nil
}

// entry describes an entry of a folder, or returns the reason why it is omitted.
// It returns neither if the entry does not exist any more.
func (v *view) entry(dir, base string) (fi fs.FileInfo, omitted string, err error) {
	if !utf8.ValidString(base) {
		return nil, "its name is not UTF-8", nil
	}
	if ownname.IsUnfinishedReserved(base) {
		return nil, "its name begins as those of davdisk's temporary files do", nil
	}
	name := path.Join(dir, base)
	fi, err = v.stat("list", name)
	if err != nil {
		link, linkErr := v.root.Lstat(name)
		switch {
		case errors.Is(linkErr, fs.ErrNotExist):
			return nil, "", nil
		case linkErr == nil && link.Mode()&fs.ModeSymlink != 0:
			return nil, "a link that leads nowhere, out of the folder, or to neither a file nor a folder", nil
		case linkErr == nil && !link.IsDir() && !link.Mode().IsRegular():
			return nil, "neither a file nor a folder", nil
		}
		return nil, "", err
	}
	if v.goesRound(dir, base, fi) {
		return nil, "a link to a folder that it lies in", nil
	}
	return fi, "", nil
}
