package backend

// A SequentialContent is a [Content] that can say that its store sends a file
// from the beginning, whatever range is asked for.
type SequentialContent interface {
	Content
	// Sequential reports whether that has been seen. It may change from false to
	// true with a range.
	Sequential() bool
}

// IsSequential reports whether a range of c costs all that is before it, so that
// the whole is better read in one range.
func IsSequential(c Content) bool {
	s, ok := c.(SequentialContent)
	return ok && s.Sequential()
}
