package backend

// A Learner is a store that remembers for a while what it has seen and changed, so
// that it must be told what others have changed past it.
type Learner interface {
	// Learn tells that name, with everything below it, has been changed. version is
	// that of the file which was stored there, "" if it is not known or there is
	// none. It makes no call.
	Learn(name, version string)
}

// Learn tells a store what others have changed, if it remembers anything.
func Learn(b Backend, name, version string) {
	if l, ok := As[Learner](b); ok {
		l.Learn(name, version)
	}
}
