// Package vfs makes a file system ([github.com/spf13/afero.Fs]) of a store.
package vfs
