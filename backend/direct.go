package backend

// A Director is a store on this machine. Other programs change it without a
// word, and calling it costs next to nothing, so that its results are not cached:
// what is shown of a file is what the store says now. Content that is opened describes
// a file as Stat does, so that no Stat is needed before. Put has no transfer to repeat,
// and gets bodies that can be read once.
type Director interface {
	// Direct reports whether the store is one.
	Direct() bool
}

// IsDirect reports whether what b says is not to be cached.
func IsDirect(b Backend) bool {
	d, ok := As[Director](b)
	return ok && d.Direct()
}
