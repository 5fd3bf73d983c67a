package waiting

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

const (
	// maxNames is how many files one entry asks for. Names have some thousand
	// characters at most.
	maxNames = 32
	// entryRoom is how large an entry becomes before it tells of no further file. JSON
	// may make a name six times as long.
	entryRoom = cluster.MaxEntry / 8
	// pause is how long Run waits after something has failed, unless it is woken; each
	// time twice as long, up to longPause.
	pause     = time.Second
	longPause = 32 * time.Second
)

// Run keeps the log in line with the queue of this gateway until ctx ends.
func (t *Table) Run(ctx context.Context) {
	for wait := pause; ; {
		var again <-chan time.Time
		if err := t.Pass(ctx); err != nil && ctx.Err() == nil {
			t.o.Log.Debug("the other gateways could not be told what waits here", "error", err)
			again, wait = t.o.After(wait), min(2*wait, longPause)
		} else {
			wait = pause
			if next := t.nextOver(); next > 0 {
				again = t.o.After(next)
			}
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

// Pass tells the others once what has changed. What queue and log did not know of each
// other comes last, a few files at a time. What fails is tried by the next one.
func (t *Table) Pass(ctx context.Context) error {
	if t.o.Member() == nil {
		return nil
	}
	if err := t.Tell(ctx); err != nil {
		return err
	}
	return errors.Join(t.tellOver(ctx), t.reconcile(ctx))
}

// Tell is the part of Pass that does not ask the store. In a new membership it compares
// all that is queued; only then anything is answered.
func (t *Table) Tell(ctx context.Context) error {
	t.passing.Lock()
	defer t.passing.Unlock()
	m := t.o.Member()
	t.mu.Lock()
	local, ready, life := t.local, t.ready, t.life
	t.mu.Unlock()
	if m == nil || local == nil {
		return nil
	}
	epoch := m.Epoch()
	if ready != epoch {
		self := Owner{m.Gateway(), local.ID()}
		if _, err := t.log.Propose(ctx, change{Op: opHere, Owner: self, Epoch: epoch}, journal.Options{}); err != nil {
			return err
		}
		t.begin(self, local)
	}
	if err := t.tell(ctx, epoch, local); err != nil {
		return err
	}
	if ready != epoch {
		t.mu.Lock()
		if t.life == life {
			t.ready, t.compared = epoch, true
		}
		t.notify()
		t.mu.Unlock()
		local.Began()
	}
	return nil
}

// begin has everything compared that is queued, or was. What was announced by an
// earlier process or with another folder, and is not queued, may be stored, or lost.
func (t *Table) begin(self Owner, local vfs.Local) {
	queued, removed := local.Files(), local.Removed()
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.self != self
	t.self = self
	for _, f := range queued {
		t.dirty[f.Name] = true
	}
	for name, f := range t.state.files {
		switch {
		case f.Owner.Gateway != self.Gateway || t.dirty[name]:
		case first && !slices.Contains(removed, name):
			t.unsure[name] = f.Number
		case f.Owner == self:
			t.dirty[name] = true
		}
	}
}

// tell tells the others of the names that may differ.
func (t *Table) tell(ctx context.Context, epoch uint64, local vfs.Local) error {
	t.mu.Lock()
	dirty, asked := t.dirty, t.asked
	t.dirty, t.asked = map[string]bool{}, map[string]bool{}
	t.mu.Unlock()
	if len(asked) > 0 {
		names := make([]string, 0, len(asked))
		for name := range asked {
			names = append(names, name)
		}
		local.Expedite(names...)
	}
	var files []announced
	var gone []numbered
	for name := range dirty {
		is := t.known(name) // before the queue: what is announced later has another number
		f, queued := local.File(name)
		switch {
		case is.busy: // it is compared again when it is announced
		case queued && is.own && is.Version == f.Version:
		case queued && (is.own || is.inherits(t.owner(), f)):
			files = append(files, announced{f, is.Number})
		case queued:
			t.adoptLater(name)
		case is.mine && !t.isRenamed(name, local):
			gone = append(gone, numbered{name, is.Number})
		}
	}
	for len(files)+len(gone) > 0 {
		c, room := change{Op: opTell, Owner: t.owner(), Epoch: epoch}, entryRoom
		c.Files, files = cut(files, &room)
		c.Stored, gone = cut(gone, &room)
		if _, err := t.log.Propose(ctx, c, journal.Options{}); err != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			for name := range dirty {
				t.dirty[name] = true
			}
			return err
		}
		for _, f := range c.Files {
			t.told(f.Name, local)
		}
	}
	return nil
}

// cut cuts off what one entry has room for.
func cut[T interface{ size() int }](all []T, room *int) (some, rest []T) {
	n := 0
	for n < len(all) && *room > 0 {
		*room -= all[n].size()
		n++
	}
	return all[:n], all[n:]
}

// size is at least as much as an entry grows by one more, if JSON has to escape nothing.
func (a announced) size() int { return 500 + len(a.Name) }
func (n numbered) size() int  { return 100 + len(n.Name) }

// told lets the queue work with what was announced, or has it compared again if that
// was void.
func (t *Table) told(name string, local vfs.Local) {
	f, queued := local.File(name)
	is := t.known(name)
	if !queued || !is.own || is.Version != f.Version {
		t.Changed(name)
		return
	}
	t.mu.Lock()
	for from, to := range t.renamed {
		if to == name {
			t.soil(from)
		}
	}
	t.mu.Unlock()
	t.o.Learn(name, "")
	local.Expedite()
}

// known is what this gateway knows of a name in the log.
type known struct {
	file
	mine bool // it was announced by this process, or what becomes of it is known
	own  bool // and counts
	busy bool // it is being announced
}

func (t *Table) known(name string) (is known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.state.files[name]; f != nil {
		is.file, is.mine = *f, t.isOwn(f)
		is.own = is.mine && !f.GivenUp
	}
	is.busy = t.busy[name] > 0
	return is
}

func (t *Table) owner() Owner {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.self
}

// isRenamed reports whether a file is queued under another name now, of which the
// others do not know yet. Its old name is compared again when they do.
func (t *Table) isRenamed(name string, local vfs.Local) bool {
	t.mu.Lock()
	to, renamed := t.renamed[name]
	t.mu.Unlock()
	if !renamed {
		return false
	}
	if f, queued := local.File(to); queued {
		if is := t.known(to); !is.own || is.Version != f.Version {
			return true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.renamed, name)
	return false
}

// ask notes that somebody asks for a file of this gateway; t.mu is held.
func (t *Table) ask(f *file) {
	if f.Owner == t.self {
		t.asked[f.Name] = true
		t.soil(f.Name)
	}
}

// nextOver returns how long it takes until the first of what was given up can be stored
// no more; 0: nothing was.
func (t *Table) nextOver() (next time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.state.files {
		if left := t.left(f); f.GivenUp && !t.state.runs(f.Owner) && (next == 0 || left < next) {
			next = max(left, 1)
		}
	}
	return next
}

// left returns how long a file that was given up may still be stored by its gateway;
// t.mu is held.
func (t *Table) left(f *file) time.Duration {
	since, ok := t.away[f.Owner.Gateway]
	if !ok {
		since = t.began
	}
	return lingers - t.o.Now().Sub(since)
}

// tellOver frees the names of what was given up and can be stored no more.
func (t *Table) tellOver(ctx context.Context) error {
	t.mu.Lock()
	var over []numbered
	for name, f := range t.state.files {
		if f.GivenUp && !t.state.runs(f.Owner) && t.left(f) <= 0 {
			over = append(over, numbered{name, f.Number})
		}
	}
	t.mu.Unlock()
	for len(over) > 0 {
		c, room := change{Op: opOver}, entryRoom
		c.Over, over = cut(over, &room)
		if _, err := t.log.Propose(ctx, c, journal.Options{}); err != nil {
			return err
		}
	}
	return nil
}
