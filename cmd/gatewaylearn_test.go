package cmd

import (
	"slices"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// learning is a store that notes what it is told.
type learning struct {
	backend.Backend
	mu   sync.Mutex
	told []string
}

func (l *learning) Unwrap() backend.Backend { return l.Backend }

func (l *learning) Learn(name, version string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, name+" "+version)
}

// The store of a gateway is told what others have changed, and with which version,
// and not what it has changed itself.
func TestStoreLearnsOfOthers(t *testing.T) {
	own, other := &learning{}, &learning{}
	own.Backend = memory.New(memory.Options{})
	other.Backend = own.Backend
	stores := []backend.Backend{own, other}
	all := startGatewaysOf(t, func(i int) backend.Backend { return stores[i] }, 2, 0)
	own.told, other.told = nil, nil // what they forgot when they joined
	all[0].wants("PUT", "/f", "x", 201)
	info, err := own.Stat(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	all[0].wants("DELETE", "/f", "", 204)
	if want := []string{"f " + info.Version, "f "}; info.Version == "" || !slices.Equal(other.told, want) || len(own.told) > 0 {
		t.Errorf("told %q, want %q, and of its own %q", other.told, want, own.told)
	}
}
