package local

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
)

// Omitted tells what is in a folder that List leaves out, each as an error that
// says why. Who copies a folder must tell of it, and who removes one after that
// would lose it.
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
		if isHidden(entry) {
			continue
		}
		if _, omitted, err := v.entry(at, entry); err == nil && omitted != "" {
			all = append(all, backend.PathError("copy", path.Join(name, entry), errors.ErrUnsupported, omitted))
		}
	}
	return all, nil
}

// entry looks at what is in a folder, and says why it is not to be listed. It
// returns nothing at all if it is gone meanwhile.
func (v *view) entry(dir, base string) (fi fs.FileInfo, omitted string, err error) {
	if !utf8.ValidString(base) {
		return nil, "its name is not UTF-8", nil
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
