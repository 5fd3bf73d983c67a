// Package matrix holds the scores of file systems that have many dependencies.
// It is a module of its own so that nobody who uses davdisk has to download
// them; run it with
//
//	cd conformance/internal/matrix && go test ./...
package matrix
