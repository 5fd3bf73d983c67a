package yandex

import (
	"context"
	"errors"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// unsettled is an upload whose last byte went out and of which nobody said how
// it ended. It may still take effect, and would then undo what was put in its
// place meanwhile: its name is closed to changes until that is over.
type unsettled struct {
	Operation string    `json:"operation"`
	Href      string    `json:"href"`
	Size      int64     `json:"size"`
	MD5       string    `json:"md5"`
	SHA256    string    `json:"sha256"`
	Until     time.Time `json:"until"` // after which it cannot happen any more
}

const (
	// settleTime is how long a change waits for an earlier upload to end.
	settleTime = 20 * time.Second
	// settleAgain is when who was refused for that may come back.
	settleAgain = 30 * time.Second
)

// openPending takes up what an earlier process left. An end that is farther
// away than any can be was written by a clock that was wrong, as on a machine
// that has just been switched on.
func openPending(cfg Config, root string) (*work[unsettled], error) {
	j, err := openWork[unsettled](cfg, root, "uploads")
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

// settle waits until no earlier upload to name, or to anything below it, can
// take effect any more.
func (b *Backend) settle(ctx context.Context, name string) error {
	for key, u := range b.pending.All() {
		if !backend.Within(key, name) {
			continue
		}
		if err := b.settleOne(ctx, key, u); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) settleOne(ctx context.Context, name string, u unsettled) error {
	waited := time.Duration(0)
	for pause := api.FirstPoll; !b.over(ctx, u); pause = min(2*pause, api.LastPoll) {
		if waited >= settleTime {
			return &backend.Error{Kind: backend.ErrLocked, RetryAfter: settleAgain,
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

// over reports whether an upload can take effect no more: its operation ended,
// its time is over, or the uploader has only a part of it.
func (b *Backend) over(ctx context.Context, u unsettled) bool {
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
