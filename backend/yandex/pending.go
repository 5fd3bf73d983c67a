package yandex

import (
	"context"
	"errors"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// pendingUpload is an upload of unknown outcome: its last byte was sent and no
// response came. It may still take effect, and would then overwrite what was
// stored meanwhile: its name is closed to changes until it cannot any more.
type pendingUpload struct {
	Operation string    `json:"operation"`
	Href      string    `json:"href"`
	Size      int64     `json:"size"`
	MD5       string    `json:"md5"`
	SHA256    string    `json:"sha256"`
	Until     time.Time `json:"until"` // after which it cannot take effect any more
}

const (
	// pendingTimeout is how long a change waits for an earlier upload to end.
	pendingTimeout = 20 * time.Second
	// pendingRetryAfter is the Retry-After of a change refused for that.
	pendingRetryAfter = 30 * time.Second
)

// openPending opens the pending uploads of an earlier process. An Until too far
// in the future was written with a wrong clock, as on a machine that has just
// been switched on, and is cut.
func openPending(cfg Config, root string) (*work[pendingUpload], error) {
	j, err := openWork[pendingUpload](cfg, root, "uploads")
	if err != nil {
		return nil, err
	}
	last := cfg.Now().Add(linkWindow)
	for name, u := range j.All() {
		if u.Until.After(last) {
			u.Until = last
			if err := j.note(name, u); err != nil {
				return nil, errors.Join(err, j.Close())
			}
		}
	}
	return j, nil
}

// recoverPending waits until no pending upload to name, or to anything below
// it, can take effect any more.
func (b *Backend) recoverPending(ctx context.Context, name string) error {
	for key, u := range b.pending.All() {
		if !backend.Within(key, name) {
			continue
		}
		if err := b.recoverOne(ctx, key, u); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) recoverOne(ctx context.Context, name string, u pendingUpload) error {
	waited := time.Duration(0)
	for pause := api.FirstPoll; !b.over(ctx, u); pause = min(2*pause, api.LastPoll) {
		if waited >= pendingTimeout {
			return &backend.Error{Kind: backend.ErrLocked, RetryAfter: pendingRetryAfter,
				Message: "an earlier upload of this file has not ended yet"}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.cfg.After(pause):
		}
		waited += pause
	}
	return b.pending.delete(name)
}

// over reports whether an upload cannot take effect any more: its operation or
// its time has ended, or the upload server has only a part of it.
func (b *Backend) over(ctx context.Context, u pendingUpload) bool {
	if b.cfg.Now().After(u.Until) {
		return true
	}
	if u.Operation != "" {
		done, err := b.api.Poll(ctx, b.api.OperationLink(u.Operation))
		if done || hasCode(err, "DiskOperationNotFoundError") {
			return true
		}
	}
	n, ok := b.api.Received(ctx, u.Href, u.Size, u.MD5, u.SHA256)
	return ok && n > 0 && n < u.Size
}
