// Package conformance checks that an afero.Fs behaves like a file system.
package conformance
