package crypt

import (
	"context"

	"github.com/davdisk/davdisk/backend"
)

// Learn implements backend.Learner.
func (s *store) Learn(name, version string) {
	_, p, err := s.enter(context.Background(), "learn", name)
	if err != nil {
		return // nothing can be there
	}
	backend.Learn(s.inner, p.file, version)
	if p.split() {
		backend.Learn(s.inner, p.folder, "")
	}
}
