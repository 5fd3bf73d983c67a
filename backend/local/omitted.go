package local

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
)

// Omitted tells what is in a folder that List leaves out, each as an error that
// says why. Who copies a folder must tell of it, and who removes one after that
// would lose it.
func (b *Backend) Omitted(ctx context.Context, name string) ([]error, error) {
	if err := check(ctx, "list", name); err != nil {
		return nil, err
	}
	dir, err := b.root.Open(name)
	if err != nil {
		return nil, pathError("list", name, err)
	}
	defer dir.Close()
	entries, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, pathError("list", name, err)
	}
	slices.Sort(entries)
	var all []error
	for _, entry := range entries {
		if isHidden(entry) {
			continue
		}
		if _, omitted, err := b.entry(name, entry); err == nil && omitted != "" {
			all = append(all, backend.PathError("copy", path.Join(name, entry), errors.ErrUnsupported, omitted))
		}
	}
	return all, nil
}

// entry looks at what is in a folder, and says why it is not to be listed. It
// returns nothing at all if it is gone meanwhile.
func (b *Backend) entry(dir, base string) (fi fs.FileInfo, omitted string, err error) {
	if !utf8.ValidString(base) {
		return nil, "its name is not UTF-8", nil
	}
	name := path.Join(dir, base)
	fi, err = b.stat("list", name)
	if err != nil {
		link, linkErr := b.root.Lstat(name)
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
	if b.goesRound(dir, base, fi) {
		return nil, "a link to a folder that it lies in", nil
	}
	return fi, "", nil
}
