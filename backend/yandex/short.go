package yandex

import (
	"fmt"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// What the service says of a folder is counted: a listing that lacks files, told
// on as a whole one, would make programs that synchronise delete theirs.

// judgeShort refuses a listing that stayed short, unless it is wanted as it is.
func (l lister) judgeShort(g gathered) error {
	log := l.b.log.With("folder", l.folder, "listed", len(g.items), "total", g.total)
	if l.b.cfg.AcceptShortListings {
		log.Info("the service shows less of a folder than it has; the listing is taken as it is")
		return nil
	}
	log.Warn("the service shows less of a folder than it has; the listing is refused", "tries", listTries)
	return &backend.Error{Kind: backend.ErrUnavailable, Message: g.missing() +
		"; as a whole listing that would have programs delete what it lacks, so it is refused (--yandex-accept-short-listings takes it as it is)"}
}

// missing says what a short listing lacks.
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

// isEmpty reports whether nothing is in a folder, by a page of it that need not
// be long; of a file that is true. An answer that leaves it open is an error,
// whatever is accepted of listings: what is taken for empty may be removed.
func isEmpty(r *api.Resource) (bool, error) {
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
