package lock

import (
	"context"
	"slices"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// Most of the time of a large upload its body is still coming, and the store has
// nothing that it could store. A gateway that ends or sleeps then will store nothing
// if it must ask the log before the end of the body: whoever expels it need not keep
// the name closed.

// Begin tells that from now on the changes may take effect for which Name.Waits was
// set. If it fails, the caller must see to it that they do not: others may have the
// names. It is cluster.ErrExpelled if the gateway was expelled since Reserve.
func (r *Reservation) Begin(ctx context.Context) error {
	if r.ticket == (ticket{}) {
		return nil
	}
	c := change{Op: opBegin, Reserved: &reserved{Release: &r.ticket}}
	_, err := r.table.log.Propose(ctx, c, journal.Options{Unawaited: true})
	return r.table.kept(err)
}

// begin lets a change take effect that has waited.
func (all *reservations) begin(of ticket) error {
	at := slices.IndexFunc(all.held, func(h *hold) bool { return h.Ticket == of && !h.Unsettled })
	if at < 0 {
		return cluster.ErrExpelled
	}
	h := *all.held[at]
	h.Names = slices.Clone(h.Names)
	for i := range h.Names {
		h.Names[i].Waits = false
	}
	all.held[at] = &h
	return nil
}

// waits reports whether nothing can have taken effect yet.
func (h *hold) waits() bool {
	return !slices.ContainsFunc(h.Names, func(n Name) bool { return n.Lingers > 0 && !n.Waits })
}
