package server

import "net/http"

// New returns a handler that wraps next. It fails if an option is invalid. The
// handler is safe for concurrent use.
func New(next http.Handler, opts ...Option) (http.Handler, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	// Without users the access check takes their place.
	admit := checkAccess(o.bound, o.public, o.origins)
	if len(o.users) > 0 {
		if admit, err = authenticate(o); err != nil {
			return nil, err
		}
	}
	// A request meets the last of these first:
	h := admit(next)                            // innermost, so that all the other layers bound it too
	h = recoverPanics(o.log)(h)                 // of the handler; the slot below is freed after it
	h = limitRequests(o.limits, o.errorPage)(h) // before anything is spent on a request
	// Outside of the limit: a refused upload that is drained holds no slot.
	h = moveDeadlines(o.limits.Idle, unreadBodies())(h)
	h = allowOrigins(o.origins)(h)      // outside of what refuses: a page may see why
	h = observe(o.report(), o.now)(h)   // sees the responses of all of them
	return forwarded(o.proxies)(h), nil // first, because the others use the client's address
}
