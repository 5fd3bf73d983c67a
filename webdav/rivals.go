package webdav

import (
	"context"
	"net/http"
	"slices"

	"github.com/davdisk/davdisk/internal/rival"
	"github.com/davdisk/davdisk/internal/unsettled"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// rivals is what a request knows of those at other gateways that store the same
// file: a plain PUT lets them.
type rivals struct {
	name     string
	reserved *lock.Reservation // nil until the names are reserved
}

var _ rival.Known = (*rivals)(nil)

// amongOthers lets the file system ask for them, and tell of changes that may still
// take effect when the request is over. Both are nil if there are no other gateways.
func (h *Handler) amongOthers(req *http.Request) (*http.Request, *rivals, *unsettled.Changes) {
	if h.opts.engine == nil {
		return req, nil, nil
	}
	known := &rivals{}
	ctx, changes := unsettled.With(req.Context())
	return req.WithContext(rival.With(ctx, known)), known, changes
}

// release releases the names of a request that has not released them itself. Those
// that it may still change stay closed.
func (r *request) release() {
	if r.unsettled.Any() {
		r.reserved.Leave(r.unsettled.Over)
	} else {
		r.reserved.Release()
	}
}

// Possible implements rival.Known.
func (k *rivals) Possible(ctx context.Context) bool {
	return k.reserved != nil && k.reserved.Crossed(ctx)
}

// Stored implements rival.Known. The version of a store is the entity tag of its
// file system without the quotes; where it is not, nothing is known.
func (k *rivals) Stored(version string, told int) bool {
	return k.reserved != nil && version != "" && slices.Contains(k.told()[told:], `"`+version+`"`)
}

// Told implements rival.Known.
func (k *rivals) Told() int { return len(k.told()) }

func (k *rivals) told() []string {
	if k.reserved == nil {
		return nil
	}
	return k.reserved.Told(k.name)
}
