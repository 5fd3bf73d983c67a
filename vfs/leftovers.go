package vfs

import (
	"context"
	"errors"
	"time"
)

// An operation whose recovery has failed, such as the removal of what was
// replaced, is retried firstRetry later, then after pauses that double up to
// maxRetry.
const (
	firstRetry = time.Minute
	maxRetry   = time.Hour
	joinRetry  = time.Second // for what needs a membership

	// The same for what other gateways may be waiting for.
	firstSharedRetry = time.Second
	maxSharedRetry   = time.Minute
)

// retries is when interrupted operations are recovered next. core.mu guards it.
type retries struct {
	timer *time.Timer // nil: there is nothing to recover
	pause time.Duration
	join  *time.Timer // until it is seen whether this gateway is a member; or nil
}

// release ends the caller's work on an intent. If it is not complete, it is
// recovered later.
func (c *core) release(e *intent) {
	if e.shared != nil {
		<-e.busy
		return
	}
	_, pending := c.journal.state(e)
	e.late = true
	<-e.busy
	if pending {
		c.recoverLater()
	}
}

// recoverLater has interrupted operations recovered after a pause.
func (c *core) recoverLater() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.retries.timer != nil {
		return
	}
	first, most := firstRetry, maxRetry
	if c.journal.shares() {
		first, most = firstSharedRetry, maxSharedRetry
	}
	c.retries.pause = min(max(2*c.retries.pause, first), most)
	c.retries.timer = time.AfterFunc(c.retries.pause, func() {
		if c.begin() != nil {
			return
		}
		defer c.end() // which Close waits for
		c.mu.Lock()
		c.retries.timer = nil
		c.mu.Unlock()
		c.recoverAll(c.background)
	})
}

// recoverSoon has interrupted operations recovered in the background.
func (c *core) recoverSoon() {
	if c.begin() != nil {
		return
	}
	go func() {
		defer c.end() // which Close waits for
		c.recoverAll(c.background)
	}()
}

// recoverAsMember has interrupted operations recovered when this gateway may be a
// member.
func (c *core) recoverAsMember() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.retries.join != nil {
		return
	}
	c.retries.join = time.AfterFunc(joinRetry, func() {
		c.mu.Lock()
		c.retries.join = nil
		c.mu.Unlock()
		c.recoverSoon()
	})
}

// recoverAll recovers the operations that were interrupted, now or in a previous
// run, and that are not in use.
func (c *core) recoverAll(ctx context.Context) {
	left := false
	for _, e := range c.journal.find(anyIntent) {
		if e.shared != nil && !c.isForHere(e) {
			continue
		}
		select {
		case e.busy <- struct{}{}:
			err := c.recoverAndRelease(ctx, e)
			if errors.Is(err, errNoMember) {
				c.recoverAsMember()
			} else if err != nil {
				left = true
				c.opts.log.Warn("an interrupted operation cannot be recovered yet", "name", e.Target, "hidden", e.Hidden, "error", err)
			}
		default: // in use
		}
	}
	if left {
		c.recoverLater()
		return
	}
	c.mu.Lock()
	c.retries.pause = 0
	c.mu.Unlock()
}
