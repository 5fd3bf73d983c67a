package ifheader

// A Resource is the current state of one resource.
type Resource interface {
	// HasETag reports whether an entity tag, with its quotes and perhaps a W/, is
	// the resource's; false if there is no resource or it has none. Section
	// 10.4.4 leaves the comparison to the server.
	HasETag(tag string) (bool, error)
	// Locked reports whether a lock with this token covers the resource.
	Locked(token string) bool
}

// Eval reports whether the condition holds: whether all conditions of at least
// one list do (section 10.4.3). A zero Header always holds.
//
// The function resource finds what a resource tag means, "" the request's own
// resource; it may return nil for one that this server does not serve, of
// which nothing is true. It is called once for each different tag. An error of
// it, or of HasETag, ends the evaluation: that is a fault of the server, and
// says nothing of the condition.
func (h Header) Eval(resource func(tag string) (Resource, error)) (bool, error) {
	if len(h.Lists) == 0 {
		return true, nil
	}
	known := map[string]Resource{}
	for _, l := range h.Lists {
		r, ok := known[l.Resource]
		if !ok {
			var err error
			if r, err = resource(l.Resource); err != nil {
				return false, err
			}
			known[l.Resource] = r
		}
		holds, err := l.holds(r)
		if holds || err != nil {
			return holds, err
		}
	}
	return false, nil
}

func (l List) holds(r Resource) (bool, error) {
	for _, c := range l.Conditions {
		matches, err := c.matches(r)
		if err != nil || matches == c.Not {
			return false, err
		}
	}
	return true, nil
}

func (c Condition) matches(r Resource) (bool, error) {
	if r == nil {
		return false, nil
	}
	if c.Token != "" {
		return r.Locked(c.Token), nil
	}
	return r.HasETag(c.ETag)
}
