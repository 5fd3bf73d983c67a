package yandex

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/unsettled"
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
	// pendingTimeout is how long a change waits for an earlier one to end.
	pendingTimeout = 20 * time.Second
	// pendingRetryAfter is the Retry-After of a change refused for that.
	pendingRetryAfter = 30 * time.Second
	// operationWindow is how long an operation is taken to go on of which the
	// service says nothing. What it says counts, however long it takes.
	operationWindow = 24 * time.Hour
)

// longest is how long the change can take effect at most, from now on.
func (u pendingChange) longest() time.Duration {
	if u.Link != "" {
		return operationWindow
	}
	return linkWindow
}

// same reports whether two are one change.
func (u pendingChange) same(other pendingChange) bool {
	return u.Link == other.Link && u.Operation == other.Operation && u.Href == other.Href
}

// openPending opens the pending changes of earlier processes. An Until too far
// in the future was written with a wrong clock, as on a machine that has just
// been switched on, and is cut.
func openPending(cfg Config, root string) (*work[pendingChange], error) {
	j, err := openWork[pendingChange](cfg, root, "uploads", nil)
	if err != nil {
		return nil, err
	}
	now := cfg.Now()
	for name, u := range j.All() {
		if last := now.Add(u.longest()); u.Until.After(last) {
			u.Until = last
			if err := j.note(name, u); err != nil {
				return nil, errors.Join(err, j.Close())
			}
		}
	}
	return j, nil
}

// carryOut makes a change to names and waits for its end.
func (b *Backend) carryOut(ctx context.Context, call api.Call, query url.Values, names ...string) (r api.Reply, next api.Link, err error) {
	if r, next, err = b.api.Begin(ctx, call, query); err == nil {
		err = b.finish(ctx, r, next, names...)
	}
	return r, next, err
}

// finish waits for the end of a change to names that has begun.
func (b *Backend) finish(ctx context.Context, r api.Reply, next api.Link, names ...string) error {
	if !r.Async() || next.Href == "" {
		return b.api.Finish(ctx, r, next)
	}
	return b.await(ctx, string(next.Href), names, func() error { return b.api.Finish(ctx, r, next) })
}

// await calls wait, which waits for the end of an operation that changes names.
// They are closed to changes until it has ended, also if the process is killed.
func (b *Backend) await(ctx context.Context, link string, names []string, wait func() error) error {
	u := pendingChange{Link: link, Until: b.cfg.Now().Add(operationWindow)}
	for _, name := range names {
		b.pendingMu.Lock()
		err := b.pending.set(name, u)
		b.pendingMu.Unlock()
		if err != nil {
			b.log.Warn("an operation is not followed after a restart", "name", name, "error", err)
		}
	}
	err := wait()
	for _, name := range names {
		if errors.As(err, new(api.OpenError)) {
			b.reportPending(ctx, name, u)
		} else {
			b.forgetPending(name, u)
		}
	}
	return err
}

// reportPending tells the caller of a change that it is pending.
func (b *Backend) reportPending(ctx context.Context, name string, u pendingChange) {
	unsettled.Report(ctx, func(ctx context.Context) bool {
		if now, ok := b.pending.Get(name); ok && now.same(u) && !b.over(ctx, u) {
			return false
		}
		b.forgetPending(name, u)
		return true
	})
}

// forgetPending forgets a change that has ended, unless another is pending under
// its name meanwhile.
func (b *Backend) forgetPending(name string, u pendingChange) {
	b.pendingMu.Lock()
	defer b.pendingMu.Unlock()
	if now, ok := b.pending.Get(name); !ok || !now.same(u) {
		return
	}
	if err := b.pending.delete(name); err != nil {
		b.log.Warn("a change that has ended is asked for once more", "name", name, "error", err)
	}
}

// recoverPending waits until no pending change of name, or of anything below
// it, can take effect any more, whichever process began it. An operation is also
// one on all below its name.
func (b *Backend) recoverPending(ctx context.Context, name string) error {
	others, err := b.pending.others()
	if err != nil {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "what another process has begun cannot be read: " + err.Error()}
	}
	for _, pending := range append(others, b.pending.All()) {
		for key, u := range pending {
			if !backend.Within(key, name) && (u.Link == "" || !backend.Within(name, key)) {
				continue
			}
			if err := b.recoverOne(ctx, key, u); err != nil {
				return err
			}
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
	b.forgetPending(name, u)
	return nil
}

// over reports whether a change cannot take effect any more: its operation or
// the time of an upload has ended, or the upload server has only a part of it.
func (b *Backend) over(ctx context.Context, u pendingChange) bool {
	late := b.cfg.Now().After(u.Until)
	if u.Link != "" {
		done, err := b.api.Poll(ctx, u.Link)
		return done || hasCode(err, api.CodeNoOperation) || err != nil && ctx.Err() == nil && late
	}
	if late {
		return true
	}
	if u.Operation != "" {
		done, err := b.api.Poll(ctx, b.api.OperationLink(u.Operation))
		if done || hasCode(err, api.CodeNoOperation) {
			return true
		}
	}
	n, ok := b.api.Received(ctx, u.Href, u.Size, u.MD5, u.SHA256)
	return ok && n > 0 && n < u.Size
}
