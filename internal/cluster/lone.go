package cluster

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
)

// Lone returns the engine of a gateway that has no others beside it: each
// machine has a journal NAME.journal in the folder dir, or in memory alone if dir
// is empty. Its logs work without Join and are closed by their owners; nobody is
// ever expelled, and what is acknowledged is applied by all, which are one. The
// epoch is always 1: what an earlier process has left belongs to this one.
func Lone(dir string) Engine { return &lone{dir: dir, lost: make(chan struct{})} }

// lone implements Engine and Member.
type lone struct {
	dir  string
	lost chan struct{} // never closed
}

// openLone opens a journal as a Log.
func openLone[E any](e *lone, name string, c journal.Config[E]) (Log[E], error) {
	path := ""
	if e.dir != "" {
		path = filepath.Join(e.dir, name+".journal")
	}
	j, err := journal.Open(path, c)
	if err != nil {
		return nil, err
	}
	return loneLog[E]{j}, nil
}

func (e *lone) Attach(string, string, State) (Shared, error) {
	return nil, errors.New("a lone gateway shares no log")
}

func (e *lone) Join(ctx context.Context) (Member, error) { return e, ctx.Err() }

func (e *lone) Status(ctx context.Context) (Status, error) {
	return Status{Engine: "journals of this gateway alone", Members: []MemberStatus{{Gateway: e.Gateway(), Epoch: e.Epoch(), Self: true}}}, ctx.Err()
}

func (e *lone) Applied() uint64 { return 0 }

func (e *lone) Close() error { return nil }

func (e *lone) Gateway() string          { return "lone" }
func (e *lone) Epoch() uint64            { return 1 }
func (e *lone) Remaining() time.Duration { return math.MaxInt64 }
func (e *lone) Lost() <-chan struct{}    { return e.lost }

// loneLog is a journal as a Log: what was acknowledged is applied here, and there
// is nobody else.
type loneLog[E any] struct{ *journal.Journal[E] }

func (l loneLog[E]) Part(entry E, opts journal.Options) Part {
	return Part{alone: func(ctx context.Context) (uint64, error) { return l.Propose(ctx, entry, opts) }}
}

func (l loneLog[E]) AppliedByAll(ctx context.Context, _ uint64) error { return ctx.Err() }

func (l loneLog[E]) Barrier(ctx context.Context) error { return ctx.Err() }
