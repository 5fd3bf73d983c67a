package webdav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// An Engine is where the gateways of one share agree: who holds which lock, who
// is changing what, and the properties that the file system does not keep. It is
// one of davdisk's own; others are refused.
type Engine interface{ io.Closer }

// A Member is the membership of this gateway among those of its share. Epoch is
// its fencing number: that of a later membership, of whatever gateway, is larger.
// Lost is closed when the membership has ended, before another gateway acts on that.
type Member interface {
	Gateway() string
	Epoch() uint64
	Lost() <-chan struct{}
}

// A Change is what a request to any gateway has changed, or may have changed.
type Change struct {
	Path string // in the file system
	Tree bool   // and everything below it
	// The file that is there now, if it was just stored; else zero.
	ETag    string // of the file system
	Size    int64
	ModTime time.Time
	// Gateway is the name of the one that the request was sent to.
	Gateway string
	// Own reports that this gateway has made the change itself, and that nobody
	// else has changed the path since it began: what the file system below has
	// remembered of it meanwhile is right.
	Own bool
}

// WithEngine makes the handler one of several that serve one file system. What
// [WithState] would keep of locks and properties is kept by the engine, and a
// change is answered when all gateways know of it. member returns the current
// membership, nil without one: changes are then answered with 503. onChange, if not
// nil, is called at each gateway with the changes of all of them, in one order; it
// must return soon and make no change itself.
//
// The engine must be joined after New, and is closed by the caller after the
// handler.
func WithEngine(e Engine, member func() Member, onChange func(Change)) Option {
	return func(o *options) error {
		engine, ok := e.(cluster.Engine)
		if !ok {
			return fmt.Errorf("a %T cannot keep what gateways share", e)
		}
		if member == nil {
			return errors.New("a gateway among others needs a membership")
		}
		o.engine, o.member, o.onChange = engine, member, onChange
		return nil
	}
}

// Reserve keeps all gateways from changing a file until release is called or this
// gateway's membership ends. It waits some seconds for changes in progress. locked
// reports whether the file has a lock.
func (h *Handler) Reserve(ctx context.Context, name string) (release func(), locked bool, err error) {
	r, err := h.locks.Reserve(ctx, lock.Name{Path: name, Member: true})
	if err != nil {
		return nil, false, err
	}
	return r.Release, len(h.locks.Covering(name)) > 0, nil
}

// epoch returns the membership of this gateway; 0 without one.
func (h *Handler) epoch() uint64 {
	if h.opts.member != nil {
		if m := h.opts.member(); m != nil {
			return m.Epoch()
		}
	}
	return 0
}

// whileMember returns the request with a context that ends with the present membership
// of this gateway. An upload that went on might replace, much later, what other gateways
// have stored since. done releases the context.
func (h *Handler) whileMember(req *http.Request) (_ *http.Request, done func()) {
	var m Member
	if h.opts.engine != nil {
		m = h.opts.member()
	}
	if m == nil {
		return req, func() {}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	lost := m.Lost() // of this membership, also if another follows at once
	var waits sync.WaitGroup
	waits.Go(func() {
		select {
		case <-lost:
			cancel(cluster.ErrExpelled)
		case <-ctx.Done():
		}
	})
	return req.WithContext(ctx), func() {
		cancel(nil)
		waits.Wait()
	}
}

// asMember returns the error for what was refused, or looked up if it is nil, when
// this gateway was a member with an epoch at the beginning. What a gateway knows that
// is none counts nothing: a lock that it does not have may be another's.
func (h *Handler) asMember(epoch uint64, err error) error {
	if h.opts.engine == nil || epoch != 0 && epoch == h.epoch() {
		return err
	}
	if code, _ := statusOf(err); err != nil && code >= http.StatusInternalServerError {
		return err
	}
	return &statusError{status: http.StatusServiceUnavailable, reason: cluster.ErrNotJoined.Error(), cause: err}
}

// lockOptions are the options of the lock table.
func (o *options) lockOptions() lock.Options {
	opts := lock.Options{Now: o.now, Engine: o.engine}
	if o.member != nil {
		opts.Member = func() lock.Member {
			if m := o.member(); m != nil {
				return m
			}
			return nil
		}
	}
	if o.onChange != nil {
		opts.OnChange = func(c lock.Changed) { o.onChange(Change(c)) }
	}
	return opts
}
