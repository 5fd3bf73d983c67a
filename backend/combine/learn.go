package combine

import (
	"context"

	"github.com/davdisk/davdisk/backend"
)

// Learn implements backend.Learner.
func (b *Backend) Learn(name, version string) {
	if name == "." {
		for _, store := range b.stores {
			backend.Learn(store, ".", "")
		}
		return
	}
	if p, err := b.find(context.Background(), "learn", name); err == nil {
		backend.Learn(p.store, p.name, version)
	}
}
