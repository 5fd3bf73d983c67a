package backend

import (
	"context"
	"errors"
	"io/fs"
)

// A Copier copies a file, or a folder with its content, inside the store,
// without transferring the bytes. The rules are those of Move; a copy onto
// itself is fs.ErrInvalid.
type Copier interface {
	Copy(ctx context.Context, from, to string, opts CopyOptions) error
}

// CopyOptions are the options of Copy.
type CopyOptions struct {
	Overwrite bool // a file may replace a file
}

// Copy copies within b. If b is not a Copier, a file is read and stored again; a
// folder is errors.ErrUnsupported, because it would not be atomic: the caller
// may walk the tree instead.
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
