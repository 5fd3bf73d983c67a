package yandex

import (
	"context"
	"fmt"

	"github.com/davdisk/davdisk/backend"
)

// Listings are checked against the total that the service reports: a program
// that synchronizes would delete its own copies of files that an incomplete
// listing lacks.

// checkShort returns an error for a listing that is still incomplete after all
// tries, unless Config.AcceptShortListings is set.
func (l lister) checkShort(g gathered) error {
	log := l.b.log.With("folder", l.folder, "listed", len(g.items), "total", g.total)
	if l.b.cfg.AcceptShortListings {
		log.Info("the service lists fewer entries than it says the folder has; the listing is accepted")
		return nil
	}
	log.Warn("the service lists fewer entries than it says the folder has; the listing is refused", "tries", listTries)
	return &backend.Error{Kind: backend.ErrUnavailable, Message: g.missing() +
		"; the listing is refused, since programs that synchronize would delete what it lacks (--yandex-accept-short-listings accepts it)"}
}

// missing describes what an incomplete listing lacks.
func (g gathered) missing() string {
	switch {
	case !g.shown && g.total > 0:
		return fmt.Sprintf("the service shows none of the %d entries that it says are in the folder", g.total)
	case !g.shown:
		return "the service does not say what is in the folder"
	case g.total < 0:
		return fmt.Sprintf("the service shows %d entries of the folder and does not say how many there are", len(g.items))
	}
	return fmt.Sprintf("the service shows %d of the %d entries that it says are in the folder", len(g.items), g.total)
}

// isEmpty reports whether a folder has no entries; for a file it is true. A
// response that tells neither entries nor a total is an error, even with
// AcceptShortListings, because a folder taken for empty may be removed.
func (b *Backend) isEmpty(ctx context.Context, name string) (bool, error) {
	r, err := b.folderPage(ctx, name, 0, 1)
	if err != nil {
		return false, err
	}
	p := r.Embedded
	switch {
	case r.Type == "file":
		return true, nil
	case p.Count() > 0, p.Listed() && len(p.Items) > 0:
		return false, nil
	case !p.Listed(), p.Count() < 0:
		return false, &backend.Error{Kind: backend.ErrUnavailable, Message: "the service does not say whether anything is in the folder"}
	}
	return true, nil
}
