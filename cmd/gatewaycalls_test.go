package cmd

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// lookedAt counts what it is asked for, and calls stored after the first Put.
type lookedAt struct {
	backend.Backend
	looks  atomic.Int32
	puts   atomic.Int32
	stored func()
}

func (l *lookedAt) Unwrap() backend.Backend { return l.Backend }

func (l *lookedAt) Stat(ctx context.Context, name string) (backend.Info, error) {
	l.looks.Add(1)
	return l.Backend.Stat(ctx, name)
}

func (l *lookedAt) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	l.looks.Add(1)
	return l.Backend.List(ctx, name)
}

func (l *lookedAt) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	info, err := l.Backend.Put(ctx, name, body, opts)
	if l.puts.Add(1) == 1 && l.stored != nil {
		l.stored()
	}
	return info, err
}

// A gateway keeps what it knows of a folder that it has changed itself, and asks
// once for one that another has changed.
func TestOwnChangesStayCached(t *testing.T) {
	store := &lookedAt{Backend: memory.New(memory.Options{})}
	all := startGateways(t, store, 2, 0)
	lists := func(g *testGateway, asks int32, has ...string) {
		t.Helper()
		store.looks.Store(0)
		got, err := io.ReadAll(g.wants("PROPFIND", "/d", "", 207, "Depth: 1").Body)
		if looks := store.looks.Load(); err != nil || looks != asks {
			t.Errorf("the store is asked %d times, want %d, %v", looks, asks, err)
		}
		for _, text := range has {
			if !strings.Contains(string(got), text) {
				t.Errorf("%q is not in %s", text, got)
			}
		}
	}
	all[0].wants("MKCOL", "/d", "", 201)
	all[0].wants("PUT", "/d/e", "12", 201)
	lists(all[1], 1)
	for i, step := range []struct {
		method, name, body string
		status             int
		header, has        string
	}{
		{"PUT", "/d/f", "123", 201, "", "getcontentlength>3<"},
		{"PUT", "/d/f", "1234", 204, "", "getcontentlength>4<"},
		{"MKCOL", "/d/g", "", 201, "", "/d/g/<"},
		{"MOVE", "/d/f", "", 201, "Destination: /d/h", "/d/h<"},
		{"DELETE", "/d/e", "", 204, "", "/d/h<"},
	} {
		by, other := all[i%2], all[(i+1)%2]
		lists(by, 0)
		var headers []string
		if step.header != "" {
			headers = []string{step.header}
		}
		by.wants(step.method, step.name, step.body, step.status, headers...)
		lists(by, 0, step.has)
		lists(other, 1, step.has)
		lists(other, 0, step.has)
	}
}

// Two gateways store one file at a time: the one that was first, and is told so
// last, does not go on to show what the other has replaced.
func TestOwnChangeBesideAnothers(t *testing.T) {
	store := &lookedAt{Backend: memory.New(memory.Options{})}
	all := startGateways(t, store, 2, 0)
	store.stored = func() { all[1].wants("PUT", "/f", "second", 201) }
	for _, g := range all {
		g.wants("PROPFIND", "/", "", 207, "Depth: 1")
	}
	all[0].wants("PUT", "/f", "first of them", 204) // as the other was told first
	for i, g := range all {
		got, err := io.ReadAll(g.wants("PROPFIND", "/", "", 207, "Depth: 1").Body)
		if text := fmt.Sprintf("getcontentlength>%d<", len("second")); err != nil || !strings.Contains(string(got), text) {
			t.Errorf("gateway %d shows %s, %v", i, got, err)
		}
		g.reads("/f", "second")
	}
}
