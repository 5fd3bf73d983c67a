package waiting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

const (
	// reserveTime is how long a name that is to be announced may be in use.
	reserveTime = time.Second
	// atOnce is how many names one pass looks at in the store: what others wait for
	// comes before the next ones.
	atOnce = 4
)

// ReserveBy says how a name is kept from all requests while it is announced for what
// was queued without their knowledge. With nil it returns when no name is reserved any
// more, and none will be.
func (t *Table) ReserveBy(reserve Reserve) {
	t.mu.Lock()
	t.reserve = reserve
	stop := t.stop
	t.mu.Unlock()
	if reserve != nil {
		t.Wake()
		return
	}
	if stop != nil {
		stop()
	}
	t.adopting.Lock() // until then a pass may have names, and ask the store
	defer t.adopting.Unlock()
}

// adoptLater has a file announced that is queued without the knowledge of the others.
func (t *Table) adoptLater(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strange[name] = true
	wake(t.look)
}

// reconcile looks into some of what queue and log do not know of each other, while the
// store may be asked.
func (t *Table) reconcile(ctx context.Context) error {
	t.adopting.Lock()
	defer t.adopting.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.mu.Lock()
	reserve, local, epoch := t.reserve, t.local, t.ready
	t.stop = cancel
	t.mu.Unlock()
	if reserve == nil || local == nil || epoch == 0 {
		return nil
	}
	err := errors.Join(t.judge(ctx, epoch, local), t.adopt(ctx, epoch, local, reserve))
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil && len(t.unsure)+len(t.strange) > 0 {
		wake(t.look)
	}
	return err
}

// judge looks whether the store has what was announced in the name of this gateway and
// is not queued.
func (t *Table) judge(ctx context.Context, epoch uint64, local vfs.Local) error {
	t.mu.Lock()
	var some []file
	for name, number := range t.unsure {
		f := t.state.numbered(numbered{name, number})
		if f == nil {
			delete(t.unsure, name)
		} else if some = append(some, *f); len(some) == atOnce {
			break
		}
	}
	self := t.self
	t.mu.Unlock()
	var errs []error
	c := change{Op: opTell, Owner: self, Epoch: epoch}
	var judged []string
	for _, f := range some {
		stored, err := local.Stored(ctx, f.Waiting)
		switch n := (numbered{f.Name, f.Number}); {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", f.Name, err))
			if f.Owner == self && !f.Unsure {
				c.Unsure = append(c.Unsure, n) // so that somebody can give it up
			}
			continue
		case stored:
			c.Stored = append(c.Stored, n)
		case f.Owner == self:
			t.o.Log.Error("a file was confirmed by this gateway and is neither stored nor in its state folder, as if that was restored from a copy; it cannot be read until it is given up with davdisk cluster forget", "name", f.Name, "bytes", f.Size)
			c.Lost = append(c.Lost, n)
		}
		judged = append(judged, f.Name)
	}
	if len(c.Stored)+len(c.Lost)+len(c.Unsure) > 0 {
		if _, err := t.log.Propose(ctx, c, journal.Options{}); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range judged {
		delete(t.unsure, name)
	}
	return errors.Join(errs...)
}

// adopt announces some of what was queued without the knowledge of the others.
func (t *Table) adopt(ctx context.Context, epoch uint64, local vfs.Local, reserve Reserve) error {
	t.mu.Lock()
	var some []string
	for name := range t.strange {
		delete(t.strange, name) // it may become strange again meanwhile
		if some = append(some, name); len(some) == atOnce {
			break
		}
	}
	t.mu.Unlock()
	var errs []error
	var failed []string
	for _, name := range some {
		if err := t.adoptOne(ctx, epoch, local, name, reserve); err != nil {
			errs, failed = append(errs, fmt.Errorf("%s: %w", name, err)), append(failed, name)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range failed {
		t.strange[name] = true
	}
	return errors.Join(errs...)
}

// adoptOne announces a file while its name is reserved. What others have stored there
// in the meantime stays.
func (t *Table) adoptOne(ctx context.Context, epoch uint64, local vfs.Local, name string, reserve Reserve) error {
	is := t.known(name)
	if _, queued := local.File(name); !queued || is.own {
		t.Changed(name) // it was renamed, or announced
		return nil
	}
	if is.Number != 0 && !is.mine {
		return vfs.ErrWaits
	}
	reserving, cancel := context.WithTimeout(ctx, reserveTime)
	defer cancel()
	release, locked, err := reserve(reserving, "/"+name)
	if err != nil {
		return err
	}
	defer release()
	if err := local.Recheck(ctx, name, locked); err != nil {
		return err
	}
	is = t.known(name)
	f, queued := local.File(name)
	if !queued {
		return nil // it was renamed
	}
	c := change{Op: opTell, Owner: t.owner(), Epoch: epoch, Files: []announced{{f, is.Number}}}
	if _, err := t.log.Propose(ctx, c, journal.Options{}); err != nil {
		return err
	}
	if !t.known(name).own {
		return vfs.ErrFull
	}
	t.told(name, local)
	return nil
}
