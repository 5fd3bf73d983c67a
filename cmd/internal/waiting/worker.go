package waiting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

const (
	// maxNames is how many files one entry withdraws or asks for. Names have some
	// thousand characters at most.
	maxNames = 32
	// reserveTime is how long a name that is to be announced may be in use.
	reserveTime = time.Second
	// pause is how long Run waits after something has failed.
	pause = time.Second
)

// Run keeps the log in line with the queue of this gateway until ctx ends.
func (t *Table) Run(ctx context.Context) {
	for {
		var again <-chan time.Time
		if err := t.Pass(ctx); err != nil && ctx.Err() == nil {
			t.o.Log.Debug("the other gateways could not be told what waits here", "error", err)
			again = t.o.After(pause)
		}
		select {
		case <-t.kick:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// Wake has Run look again, as after another membership has begun.
func (t *Table) Wake() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// Pass tells the others once what has changed. In a new membership it compares all
// that is queued; only then anything is answered. What fails is tried by the next
// one.
func (t *Table) Pass(ctx context.Context) error {
	t.passing.Lock()
	defer t.passing.Unlock()
	m := t.o.Member()
	t.mu.Lock()
	local, ready := t.local, t.ready
	t.mu.Unlock()
	if m == nil || local == nil {
		return nil
	}
	epoch := m.Epoch()
	if ready != epoch {
		if _, err := t.log.Propose(ctx, change{Op: opHere, Owner: Owner{Gateway: m.Gateway()}, Epoch: epoch}, journal.Options{}); err != nil {
			return err
		}
		t.compareAll(Owner{m.Gateway(), local.ID()}, local)
	}
	err := t.compare(ctx, epoch, local)
	if ready != epoch {
		t.mu.Lock()
		t.ready = epoch
		t.notify()
		t.mu.Unlock()
		local.Expedite()
	}
	return err
}

// compareAll has everything compared that is queued, or was.
func (t *Table) compareAll(self Owner, local vfs.Local) {
	queued := local.Files()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.self = self
	for name, f := range t.state.files {
		if f.Owner == self {
			t.dirty[name] = true
		}
	}
	for _, f := range queued {
		t.dirty[f.Name] = true
	}
}

// compare tells the others of the names that may differ.
func (t *Table) compare(ctx context.Context, epoch uint64, local vfs.Local) error {
	t.mu.Lock()
	dirty, asked := t.dirty, t.asked
	t.dirty, t.asked = map[string]bool{}, map[string]bool{}
	t.mu.Unlock()
	var again []string
	var errs []error
	var gone []stored
	for name := range dirty {
		f, queued := local.File(name)
		number, own, same, busy := t.looks(name, f.Version)
		switch {
		case busy: // it is compared again when it is announced
		case queued && own && same:
		case queued:
			if err := t.adopt(ctx, epoch, local, f, own); err != nil {
				errs, again = append(errs, fmt.Errorf("%s: %w", name, err)), append(again, name)
			}
		case number != 0:
			gone = append(gone, stored{name, number})
		}
	}
	// What was renamed after a conflict is announced before its old name is free.
	gone = slices.DeleteFunc(gone, func(s stored) bool {
		wait := t.isRenamed(s.Name, local)
		if wait {
			again = append(again, s.Name)
		}
		return wait
	})
	for some := range slices.Chunk(gone, maxNames) {
		if _, err := t.log.Propose(ctx, change{Op: opStored, Owner: t.owner(), Stored: some}, journal.Options{}); err != nil {
			errs = append(errs, err)
			for _, s := range some {
				again = append(again, s.Name)
			}
		}
	}
	names := make([]string, 0, len(asked))
	for name := range asked {
		names = append(names, name)
	}
	if len(names) > 0 {
		local.Expedite(names...)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range again {
		t.dirty[name] = true
	}
	if len(errs) == 0 && len(again) > 0 {
		t.Wake()
	}
	return errors.Join(errs...)
}

// isRenamed reports whether a file is queued under another name now, of which the
// others do not know yet.
func (t *Table) isRenamed(name string, local vfs.Local) bool {
	t.mu.Lock()
	to, renamed := t.renamed[name]
	t.mu.Unlock()
	if !renamed {
		return false
	}
	f, queued := local.File(to)
	_, own, same, _ := t.looks(to, f.Version)
	if queued && !(own && same) {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.renamed, name)
	return false
}

// looks compares what is known of a name. number is that of the announcement of this
// gateway, given up or not; 0: none. own reports whether it counts, and same whether
// it is of this version.
func (t *Table) looks(name, version string) (number uint64, own, same, busy bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.state.files[name]; f != nil && t.isOwn(f) {
		number, own, same = f.Number, !f.GivenUp, f.Version == version
	}
	return number, own, same, t.busy[name] > 0
}

func (t *Table) owner() Owner {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.self
}

// adopt announces what was queued without the knowledge of the others. Unless the
// name is closed to them already, it is reserved meanwhile, and what they have
// stored there in the meantime stays.
func (t *Table) adopt(ctx context.Context, epoch uint64, local vfs.Local, f vfs.Waiting, own bool) error {
	t.mu.Lock()
	reserve, self := t.reserve, t.self
	other := t.state.files[f.Name]
	waits := other != nil && t.isElsewhere(other)
	t.mu.Unlock()
	if !own {
		switch {
		case waits:
			return vfs.ErrWaits
		case reserve == nil:
			return errors.New("nobody can reserve the name yet")
		}
		ctx, cancel := context.WithTimeout(ctx, reserveTime)
		defer cancel()
		release, locked, err := reserve(ctx, "/"+f.Name)
		if err != nil {
			return err
		}
		defer release()
		if err := local.Recheck(ctx, f.Name, locked); err != nil {
			return err
		}
		now, queued := local.File(f.Name)
		if !queued {
			return nil // it was renamed, and is compared under that name
		}
		f = now
	}
	if _, err := t.log.Propose(ctx, change{Op: opWait, Owner: self, Epoch: epoch, File: &f}, journal.Options{}); err != nil {
		return err
	}
	t.o.Forget(f.Name)
	local.Expedite()
	return nil
}

// ask notes that somebody asks for a file of this gateway; t.mu is held.
func (t *Table) ask(f *file) {
	if t.isOwn(f) {
		t.asked[f.Name] = true
		t.Wake()
	}
}
