package cmd

import (
	"context"
	"slices"
	"strings"
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

// A member that replaces a folder removes the old one, and one that has lost its
// membership meanwhile gives it its name back.
func TestReplacedByAMember(t *testing.T) {
	for name, test := range map[string]struct {
		loses  bool
		status int
		want   string
	}{"a member": {false, 204, "old"}, "no member any more": {true, 503, "new old"}} {
		t.Run(name, func(t *testing.T) {
			store := &moving{Backend: memory.New(memory.Options{})}
			g := startGatewaysOf(t, func(int) backend.Backend { return store }, 1, 0)[0]
			for _, folder := range []string{"/old", "/new"} {
				g.wants("MKCOL", folder, "", 201)
				g.wants("PUT", folder+"/f", folder, 201)
			}
			if test.loses {
				store.meanwhile = func() { g.gateway.current.Store(nil) }
			}
			g.wants("MOVE", "/new", "", test.status, "Destination: http://localhost/old")
			_, entries, err := store.List(t.Context(), ".")
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for info, err := range entries {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, info.Name)
				if _, err := store.Stat(t.Context(), info.Name+"/f"); err != nil {
					t.Error(err)
				}
			}
			slices.Sort(names)
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("there is %q, want %q", got, test.want)
			}
		})
	}
}

// moving is a store while whose moves something else happens.
type moving struct {
	backend.Backend
	meanwhile func()
}

func (m *moving) Unwrap() backend.Backend { return m.Backend }

func (m *moving) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if m.meanwhile != nil {
		m.meanwhile()
	}
	return m.Backend.Move(ctx, from, to, opts)
}
