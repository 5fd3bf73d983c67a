package vfs

import (
	"context"
	"errors"
	"os"

	"github.com/davdisk/davdisk/backend"
)

// OSFile opens the file of this machine that the store keeps the content in, for
// reading from its start, so that the system can send it. The caller closes it.
// What was read of it is the content of h only if unchanged returns nil afterwards.
// It fails with errors.ErrUnsupported if there is no such file.
func (h *file) OSFile() (f *os.File, unchanged func() error, err error) {
	if err := h.err(h.readable()); err != nil {
		return nil, nil, h.fail("open", err)
	}
	opened, same, err := h.node.openFile(h.reading)
	if err != nil {
		return nil, nil, h.fail("open", err)
	}
	return opened, func() error {
		err := same()
		if err == nil && h.node.isLocal() {
			err = failure(backend.ErrChanged, "being written")
		}
		if err == nil {
			err = h.err(true)
		}
		if err != nil {
			err = readError(err)
		}
		return h.fail("read", err)
	}, nil
}

// openFile opens the file with the content, unless that is here.
func (n *node) openFile(ctx context.Context) (f *os.File, unchanged func() error, err error) {
	if n.isLocal() {
		return nil, nil, failure(errors.ErrUnsupported, "being written, or empty")
	}
	content, err := n.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return backend.OpenFile(ctx, content.Content)
}
