package yandex

import (
	"context"
	"io/fs"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/rival"
)

// The service has no conditional write, so an upload that is to replace one
// version, or nothing, is checked at the last moment: before the last block of
// its body is sent, since the upload server stores nothing of a body that is cut,
// or before the rename of what was sent under a temporary name.

// linkCheckAge is how long the check counts that the service makes itself when
// it gives out a link with overwrite=false.
const linkCheckAge = 2 * time.Second

// checkVersion fails with [backend.ErrChanged] unless the file still has the
// version that is to be replaced.
func (u *upload) checkVersion(ctx context.Context) error {
	_, err := u.b.expect(ctx, u.name, u.opts.IfVersion)
	if is(err, fs.ErrNotExist) {
		return errGone()
	}
	return err
}

func errGone() error {
	return &backend.Error{Kind: backend.ErrChanged, Message: "the file is no longer there"}
}

// checkEarly saves sending much content in vain.
func (u *upload) checkEarly(ctx context.Context) error {
	if u.opts.IfVersion == "" || u.at != u.name || u.size >= 0 && u.size <= smallSize {
		return nil
	}
	return u.checkVersion(ctx)
}

// checkLast is the check before the last block.
func (u *upload) checkLast(ctx context.Context) error {
	switch {
	case u.at != u.name: // the rename is checked
		return nil
	case u.resent && rival.From(ctx).Possible(ctx): // since it was sent first
		return u.unconfirmed(errRival)
	case u.opts.IfVersion != "":
		return u.checkVersion(ctx)
	case u.opts.IfAbsent && u.b.cfg.Now().Sub(u.issued) >= linkCheckAge:
		return u.b.absent(ctx, u.name)
	}
	return nil
}
