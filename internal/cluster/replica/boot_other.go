//go:build !linux

package replica

// bootID is not known.
func bootID() string { return "" }
