//go:build !linux || android

package local

import (
	"io/fs"
	"os"
)

// A beneath opens nothing: the system does not walk a path that it has to confine.
// Android does, but kills an app that asks for it (openat2): its filter of system calls
// answers those that it does not know with SIGSYS.
type beneath struct{}

func newBeneath(*os.Root) (beneath, error) { return beneath{}, nil }

func (beneath) close() {}

func (beneath) open(string) (*os.File, fs.FileInfo) { return nil, nil }
