package yandex

import (
	"context"
	"errors"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// pendingChange is a change of unknown outcome: an upload of which the last byte
// was sent and no response came, or an operation that was not waited for. It may
// still take effect, and would then undo what was stored meanwhile: its name is
// closed to changes until it cannot any more.
type pendingChange struct {
	Link      string    `json:"link,omitempty"` // of the operation; empty for an upload
	Operation string    `json:"operation"`      // its id
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

// openPending opens the pending changes of an earlier process. An Until too far
// in the future was written with a wrong clock, as on a machine that has just
// been switched on, and is cut.
func openPending(cfg Config, root string) (*work[pendingChange], error) {
	j, err := openWork[pendingChange](cfg, root, "uploads")
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

// keepClosed closes names to changes if the operation that changes them has not
// ended, and returns its error.
func (b *Backend) keepClosed(err error, names ...string) error {
	var open api.OpenError
	if !errors.As(err, &open) {
		return err
	}
	for _, name := range names {
		u := pendingChange{Link: open.Link, Until: b.cfg.Now().Add(linkWindow)}
		if err := b.pending.set(name, u); err != nil {
			b.log.Warn("an operation that has not ended is not followed after a restart", "name", name, "error", err)
		}
	}
	return err
}

// recoverPending waits until no pending change of name, or of anything below
// it, can take effect any more. An operation is also one on all below its name.
func (b *Backend) recoverPending(ctx context.Context, name string) error {
	for key, u := range b.pending.All() {
		if !backend.Within(key, name) && (u.Link == "" || !backend.Within(name, key)) {
			continue
		}
		if err := b.recoverOne(ctx, key, u); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) recoverOne(ctx context.Context, name string, u pendingChange) error {
	waited := time.Duration(0)
	for pause := api.FirstPoll; !b.over(ctx, u); pause = min(2*pause, api.LastPoll) {
		if waited >= pendingTimeout {
			return &backend.Error{Kind: backend.ErrLocked, RetryAfter: pendingRetryAfter,
				Message: "an earlier change of it has not ended yet"}
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

// over reports whether a change cannot take effect any more: its operation or
// its time has ended, or the upload server has only a part of it.
func (b *Backend) over(ctx context.Context, u pendingChange) bool {
	if b.cfg.Now().After(u.Until) {
		return true
	}
	link := u.Link
	if link == "" && u.Operation != "" {
		link = b.api.OperationLink(u.Operation)
	}
	if link != "" {
		if done, err := b.api.Poll(ctx, link); done || hasCode(err, api.CodeNoOperation) {
			return true
		}
	}
	if u.Link != "" {
		return false
	}
	n, ok := b.api.Received(ctx, u.Href, u.Size, u.MD5, u.SHA256)
	return ok && n > 0 && n < u.Size
}
