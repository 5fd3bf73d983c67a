package crypt

import (
	"context"
	"time"

	"github.com/davdisk/davdisk/backend"
)

var (
	_ backend.Usager        = (*store)(nil)
	_ backend.Revisioner    = (*store)(nil)
	_ backend.Identifier    = (*store)(nil)
	_ backend.Rater         = (*store)(nil)
	_ backend.Director      = (*store)(nil)
	_ backend.Confiner      = (*store)(nil)
	_ backend.RemoveChecker = (*store)(nil)
	_ backend.Declarer      = (*store)(nil)
	_ backend.Copier        = copier{}
	_ backend.ModTimer      = timer{}
	_ backend.FolderUsager  = spaces{}
)

// withAbilities adds to the store what only some of those below it can do.
func (s *store) withAbilities() backend.Backend {
	var b backend.Backend = s
	if _, ok := backend.As[backend.Copier](s.inner); ok {
		b = copier{s, b}
	}
	if _, ok := backend.As[backend.ModTimer](s.inner); ok {
		b = timer{s, b}
	}
	if _, ok := backend.As[backend.FolderUsager](s.inner); ok {
		b = spaces{s, b}
	}
	return b
}

// copier is a store in one that copies.
type copier struct {
	*store
	rest backend.Backend
}

func (c copier) Unwrap() backend.Backend { return c.rest }

// Copy implements backend.Copier. The copy has the same nonce, which is safe,
// because it has the same content.
func (c copier) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	return c.transfer(ctx, "copy", from, to, func(ctx context.Context, from, to string) error {
		return backend.Copy(ctx, c.inner, from, to, opts)
	})
}

// timer is a store in one that keeps times.
type timer struct {
	*store
	rest backend.Backend
}

func (t timer) Unwrap() backend.Backend { return t.rest }

// SetModTime implements backend.ModTimer.
func (t timer) SetModTime(ctx context.Context, name string, when time.Time) error {
	ctx, p, err := t.enter(ctx, "chtimes", name)
	if err != nil {
		return err
	}
	at := p.file
	if p.split() {
		if _, at, err = t.find(ctx, "chtimes", name, p); err != nil {
			return err
		}
	}
	return renamed(backend.SetModTime(ctx, t.inner, at, when), "chtimes", name)
}

// spaces is a store in one whose folders are on spaces of their own.
type spaces struct {
	*store
	rest backend.Backend
}

func (s spaces) Unwrap() backend.Backend { return s.rest }

// UsageIn implements backend.FolderUsager; see Usage.
func (s spaces) UsageIn(ctx context.Context, name string) (backend.Space, error) {
	ctx, p, err := s.enter(ctx, "usage", name)
	if err != nil {
		return backend.Space{}, err
	}
	space, err := backend.UsageIn(ctx, s.inner, p.folder)
	return sealedSpace(space), renamed(err, "usage", name)
}

// Usage implements backend.Usager. It tells the space of the store below, in
// which a file takes 32 bytes and 16 more for each 64 KiB.
func (s *store) Usage(ctx context.Context) (backend.Space, error) {
	space, err := backend.Usage(ctx, s.inner)
	return sealedSpace(space), err
}

// sealedSpace is a space of the store below, in which files are larger.
func sealedSpace(space backend.Space) backend.Space {
	if space.MaxFile > 0 {
		blocks := max(0, space.MaxFile-headerSize) / sealedBlock
		space.MaxFile = max(1, blocks*blockSize)
	}
	return space
}

// Revision implements backend.Revisioner.
func (s *store) Revision(ctx context.Context) (string, error) {
	return backend.Revision(ctx, s.inner)
}

// Identity implements backend.Identifier: which folder of the store below it is in.
func (s *store) Identity(ctx context.Context) (string, error) {
	return backend.Identity(ctx, s.inner)
}

// Rate implements backend.Rater.
func (s *store) Rate() backend.Rate {
	rate, err := backend.RateOf(s.inner)
	if err != nil {
		return nil
	}
	return rate
}

// Direct implements backend.Director.
func (s *store) Direct() bool { return backend.IsDirect(s.inner) }

// Confines implements backend.Confiner.
func (s *store) Confines() bool {
	c, ok := backend.As[backend.Confiner](s.inner)
	return ok && c.Confines()
}

// IsLink reports whether a name is a link of the store below, which List and
// Stat follow. A store that does not tell has none.
func (s *store) IsLink(ctx context.Context, name string) (bool, error) {
	l, ok := backend.As[interface {
		IsLink(ctx context.Context, name string) (bool, error)
	}](s.inner)
	if !ok {
		return false, nil
	}
	ctx, p, err := s.enter(ctx, "stat", name)
	if err != nil {
		return false, err
	}
	link, err := l.IsLink(ctx, p.file)
	if err != nil && p.split() && isMissing(err) {
		link, err = l.IsLink(ctx, p.folder)
	}
	return link, renamed(err, "stat", name)
}
