package dav

import (
	"context"
	"io/fs"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Copy implements backend.Copier. The server copies to a temporary name, because
// it may be seen to copy, and the copy is renamed when it is whole.
func (s *store) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if err := s.checkTwo(ctx, "copy", from, to); err != nil {
		return err
	}
	if from == to {
		return backend.LinkError("copy", from, to, fs.ErrInvalid, "onto itself")
	}
	unlock, err := s.names.Lock(ctx, pathlock.Tree(from), pathlock.Tree(to))
	if err != nil {
		return linkError("copy", from, to, err)
	}
	defer unlock()
	src, dst, err := s.ends(ctx, from, to, opts.Overwrite)
	if err != nil {
		return linkError("copy", from, to, err)
	}
	if dst.path != "" && !s.cfg.AtomicMove && s.can.WholePut {
		return linkError("copy", from, to, s.copyThrough(ctx, from, to, src))
	}
	temp, done := s.tempName(to)
	defer done()
	if err := s.copyTo(ctx, from, temp, src); err != nil {
		s.discard(ctx, temp, src.Dir)
		return linkError("copy", from, to, tempError(err))
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	return linkError("copy", from, to, s.place(ctx, temp, to, src, dst.path != ""))
}

// copyTo copies to a temporary name, and compares the size.
func (s *store) copyTo(ctx context.Context, from, temp string, src entry) error {
	if err := s.transfer(ctx, "COPY", from, temp, src, false, false); err != nil {
		return err
	}
	copied, err := s.stat(ctx, temp)
	if err == nil && !alike(&copied, &src) {
		err = &backend.Error{Kind: backend.ErrUnavailable, Message: "the server made a copy that is not like its source"}
	}
	return err
}
