package webdav

import (
	"context"
	"net/http"

	"github.com/davdisk/davdisk/internal/rival"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// rivals is what a request knows of those at other gateways that store the same
// file: a plain PUT lets them.
type rivals struct {
	name     string
	reserved *lock.Reservation // nil until the names are reserved
}

var _ rival.Known = (*rivals)(nil)

// withRivals lets the file system ask for them, if there are other gateways.
func (h *Handler) withRivals(req *http.Request) (*http.Request, *rivals) {
	known := &rivals{}
	if h.opts.engine != nil && req.Method == http.MethodPut {
		req = req.WithContext(rival.With(req.Context(), known))
	}
	return req, known
}

// Possible implements rival.Known.
func (k *rivals) Possible(ctx context.Context) bool {
	return k.reserved != nil && k.reserved.Crossed(ctx)
}

// Stored implements rival.Known. The version of a store is the entity tag of its
// file system without the quotes; where it is not, nothing is known.
func (k *rivals) Stored(version string) bool {
	return k.reserved != nil && version != "" && k.reserved.Told(k.name, `"`+version+`"`)
}
