package lock

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// A change whose outcome the store has not told may take effect when its request has
// long been answered, and would replace what others have stored meanwhile. Its names
// stay closed at all gateways until its own has found out that it cannot any more.
// If that gateway ends before, they stay closed for the time of Name.Lingers.

// lastPause is the longest pause between two questions for an outcome; they begin
// with retryPause, and double.
const lastPause = 30 * time.Second

// Leave is Release for a request whose changes may still take effect. over is asked
// now and then, until it reports that they cannot any more, or until Close.
func (r *Reservation) Leave(over func(ctx context.Context) bool) {
	if r.over {
		return
	}
	t := r.table
	if r.ticket != (ticket{}) {
		h := hold{Names: r.names}
		r.mark(false)
		ctx, cancel := context.WithTimeout(t.closing, t.opts.MaxWait)
		defer cancel()
		held := t.unsettle(ctx, r.ticket)
		t.abandoned.Go(func() { t.follow(r.ticket, h, held, over) })
	}
	r.end()
}

// unsettle closes the names of a hold to all, for their time from now on. It is
// errSettled if others have settled it.
func (t *Table) unsettle(ctx context.Context, of ticket) error {
	seq, err := t.log.Propose(ctx, change{Op: opUnsettle, Reserved: &reserved{Release: &of}}, journal.Options{})
	if seq > 0 && errors.Is(err, cluster.ErrExpelled) {
		return errSettled
	}
	return err
}

var errSettled = errors.New("it is settled")

// follow waits until a change is over, and settles its hold. The time of the names is
// begun anew before it ends: what the store says counts.
func (t *Table) follow(of ticket, h hold, held error, over func(ctx context.Context) bool) {
	since := time.Now()
	for pause := retryPause; ; pause = min(2*pause, lastPause) {
		switch {
		case errors.Is(held, errSettled):
			return
		case over(t.closing) && t.closing.Err() == nil:
			t.abandon(of, h.changed())
			return
		}
		select {
		case <-t.closing.Done():
			return
		case <-time.After(pause):
		}
		if held != nil || time.Since(since) > h.lingers()/3 {
			if held = t.unsettle(t.closing, of); held == nil {
				since = time.Now()
			}
		}
	}
}

// unsettle makes a hold an unsettled one, or begins its time anew. One with nothing
// that can still take effect ends. left: by its own gateway.
func (all *reservations) unsettle(h *hold, left bool) {
	h.stop()
	unsettled := hold{Ticket: h.Ticket, Unsettled: true, Left: left, Renewed: h.Renewed + 1}
	for _, n := range h.Names {
		if n.Lingers > 0 {
			n.Shared = false // what another stores there could be replaced by it later
			unsettled.Names = append(unsettled.Names, n)
		}
	}
	at := slices.Index(all.held, h)
	if len(unsettled.Names) == 0 {
		all.held = slices.Delete(all.held, at, at+1)
		return
	}
	all.linger(&unsettled)
	all.held[at] = &unsettled
}
