package backend

import (
	"context"
	"errors"
	"io/fs"
)

// A Copier copies a file, or a folder with all in it, inside the store
// without moving the bytes through here. The rules are those of Move; a copy
// onto itself is fs.ErrInvalid.
type Copier interface {
	Copy(ctx context.Context, from, to string, opts CopyOptions) error
}

// CopyOptions say how Copy goes about it.
type CopyOptions struct {
	Overwrite bool // a file may take the place of a file
}

// Copy copies within b. A file is read and stored again where b cannot do it
// by itself; a folder is errors.ErrUnsupported then, because it would not be
// one step: who wants that walks the tree.
func Copy(ctx context.Context, b Backend, from, to string, opts CopyOptions) error {
	if c, ok := As[Copier](b); ok {
		return c.Copy(ctx, from, to, opts)
	}
	if from == to {
		return LinkError("copy", from, to, fs.ErrInvalid, "onto itself")
	}
	content, err := b.Open(ctx, from, "")
	if errors.Is(err, ErrIsDir) {
		return LinkError("copy", from, to, errors.ErrUnsupported, "the store cannot copy a folder by itself")
	}
	if err != nil {
		return err
	}
	defer content.Close()
	info := content.Info()
	body, err := content.Range(ctx, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = b.Put(ctx, to, body, PutOptions{Size: info.Size, IfAbsent: !opts.Overwrite, ModTime: info.ModTime})
	return err
}
