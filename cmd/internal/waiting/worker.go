package waiting

import (
	"context"
	"sync"
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

// Run keeps the log in line with the queue of this gateway until ctx ends. Nothing that
// others wait for waits until the store answers.
func (t *Table) Run(ctx context.Context) {
	var reconciling sync.WaitGroup
	defer reconciling.Wait()
	reconciling.Go(func() {
		t.repeat(ctx, t.look, t.reconcile, func() time.Duration { return 0 })
	})
	t.repeat(ctx, t.kick, t.tellAll, t.nextOver)
}

// repeat does something whenever it is woken, again when it has failed, and when it is
// due by next, unless that is 0.
func (t *Table) repeat(ctx context.Context, kick <-chan struct{}, do func(context.Context) error, next func() time.Duration) {
	for wait := pause; ; {
		var again <-chan time.Time
		if err := do(ctx); err != nil && ctx.Err() == nil {
			t.o.Log.Debug("the other gateways could not be told what waits here", "error", err)
			again, wait = t.o.After(wait), min(2*wait, longPause)
		} else {
			wait = pause
			if next := next(); next > 0 {
				again = t.o.After(next)
			}
		}
		select {
		case <-kick:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// Wake has Run look again, as after another membership has begun.
func (t *Table) Wake() {
	wake(t.kick)
	wake(t.look)
}

func wake(kick chan<- struct{}) {
	select {
	case kick <- struct{}{}:
	default:
	}
}

// Pass does once what Run does: it tells the others what has changed, and looks into some
// of what queue and log did not know of each other. What fails is tried by the next one.
func (t *Table) Pass(ctx context.Context) error {
	if err := t.tellAll(ctx); err != nil {
		return err
	}
	return t.reconcile(ctx)
}

// tellAll is the part of Pass that does not ask the store.
func (t *Table) tellAll(ctx context.Context) error {
	if t.o.Member() == nil {
		return nil
	}
	if err := t.Tell(ctx); err != nil {
		return err
	}
	return t.tellOver(ctx)
}

// Tell tells the others what has changed here. In a new membership it compares all that
// is queued; only then anything is answered.
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
	var removed []vfs.Waiting
	if ready != epoch {
		self := Owner{m.Gateway(), local.ID()}
		if _, err := t.log.Propose(ctx, change{Op: opHere, Owner: self, Epoch: epoch}, journal.Options{}); err != nil {
			return err
		}
		removed = t.begin(self, local)
	}
	if err := t.tell(ctx, epoch, local); err != nil {
		return err
	}
	if ready != epoch {
		t.finish(epoch, life, local, removed)
	}
	return nil
}

// finish begins to answer, if what was compared is still the state.
func (t *Table) finish(epoch, life uint64, local vfs.Local, removed []vfs.Waiting) {
	t.mu.Lock()
	same := t.life == life
	if same {
		t.ready, t.compared = epoch, true
		t.notify()
	}
	t.mu.Unlock()
	if !same {
		return
	}
	local.Began(removed)
	local.Expedite() // it owns something from now on
	wake(t.look)
}

// begin has everything compared that is queued, or was. What was announced by an
// earlier process or with another folder, and is not queued, may be stored, or lost; and
// so may what was announced later than what is queued, which the folder had before it
// was restored from a copy. It returns what is not going to be stored.
func (t *Table) begin(self Owner, local vfs.Local) []vfs.Waiting {
	queued, removed := local.Files(), local.Removed()
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.self != self || t.ready == 0
	t.self, t.removed = self, map[string]string{}
	for _, f := range removed {
		t.removed[f.Name] = f.ID
	}
	last := map[string]string{} // IDs of what is queued
	for _, f := range queued {
		last[f.Name] = f.ID
		t.dirty[f.Name] = true
	}
	for name, f := range t.state.files {
		id, queued := last[name]
		switch {
		case f.Owner.Gateway != self.Gateway, queued && f.Owner != self:
		case t.isRemoved(f):
			t.dirty[name] = true
		case first && (!queued || id < f.ID): // also if something has soiled the name
			t.unsure[name] = f.Number
		case f.Owner == self:
			t.dirty[name] = true
		}
	}
	return removed
}

// isRemoved reports whether it is known that what this gateway has announced, with this
// folder or another one, is not going to be stored; t.mu is held.
func (t *Table) isRemoved(f *file) bool {
	id, removed := t.removed[f.Name]
	return removed && f.Owner.Gateway == t.self.Gateway && f.ID <= id
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
	var strange []string
	for name := range dirty {
		is := t.known(name) // before the queue: what is announced later has another number
		f, queued := local.File(name)
		switch {
		case is.busy: // it is compared again when it is announced
		case queued && is.own && is.Version == f.Version && !is.Unsure:
		case queued && (is.own || is.inherits(t.owner(), f)):
			files = append(files, announced{f, is.Number})
		case queued:
			strange = append(strange, name)
			if is.mine && is.Owner != t.owner() && !t.isRenamed(name, local) { // removed from another folder: in the way
				gone = append(gone, numbered{name, is.Number})
			}
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
	for _, name := range strange {
		t.adoptLater(name)
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
		own := t.isOwn(f)
		is.file, is.mine, is.own = *f, own || t.isRemoved(f), own && !f.GivenUp
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
	if f.given.After(since) {
		since = f.given
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
