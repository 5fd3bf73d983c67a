package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// intentLife is how long a change that was cut short is finished or taken back.
// Later nobody expects that any more.
const intentLife = 24 * time.Hour

// intent is a change of several steps under way, noted before its first step: that
// of a folder, or the move of a file.
type intent struct {
	Kind   change            `json:"kind,omitempty"`
	To     string            `json:"to"` // of a move or copy
	Dir    bool              `json:"dir"`
	Copied bool              `json:"copied"`         // all is under the new name, and removed under the old one
	Seen   map[string]string `json:"seen,omitempty"` // versions of the objects that a removal removes, by key
	Begun  time.Time         `json:"begun"`
}

// change is the kind of an intent.
type change string

const (
	moving   change = "" // as earlier versions noted it
	copied   change = "copy"
	removing change = "remove"
)

// describe describes an intent for what has the name from.
func (m intent) describe(from string) string {
	switch m.Kind {
	case removing:
		return fmt.Sprintf("a removal of %q", from)
	case copied:
		return fmt.Sprintf("a copy of %q to %q", from, m.To)
	}
	return fmt.Sprintf("a move of %q to %q", from, m.To)
}

// names are those that an intent for from changes.
func (m intent) names(from string) []pathlock.Name {
	names := []pathlock.Name{pathlock.Tree(from)}
	if m.To != "" {
		names = append(names, pathlock.Tree(m.To))
	}
	return names
}

// ended ends an intent with the error of its change, which it returns. One of
// unknown outcome stays noted, and is settled before its names are used again: by
// this process or the next.
func (s *store) ended(from string, err error) error {
	if is(err, backend.ErrUncertain) {
		s.left.Store(from, false)
		return err
	}
	// Nothing may happen later to what was told: it must not be done again.
	if failed := s.moves.done(from); failed != nil && err == nil {
		err = uncertainError{fmt.Errorf("it was done, and that cannot be noted: %w", failed)}
	}
	return err
}

// recover begins to settle what a killed process has left.
func (s *store) recover() {
	moves, uploads := s.moves.All(), s.uploads.All()
	if len(moves) == 0 && len(uploads) == 0 {
		return
	}
	for from := range moves {
		s.left.Store(from, false)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.tidyStop = stop
	s.tidy.Go(func() {
		for from, m := range moves {
			if err := s.settleOne(ctx, from); err != nil {
				s.log.Warn(m.describe(from)+" that was cut short is not finished yet", "error", translate(err))
			}
		}
		for id, key := range uploads {
			err := s.abort(ctx, key, id)
			if err == nil {
				err = s.uploads.forget(id)
			}
			if err != nil {
				s.log.Warn("the parts of an upload that was killed are left", "error", translate(err))
			}
		}
	})
}

// lefts are the names whose changes were cut short and touch some names. For
// looking those are left out that the server has refused to finish, and for
// listing what is in the names counts too.
func (s *store) lefts(why use, names ...pathlock.Name) (all []string) {
	for key, refused := range s.left.Range {
		from := key.(string)
		if why != changing && refused.(bool) {
			continue
		}
		m, _ := s.moves.Get(from)
		touched := func(changed pathlock.Name) bool {
			return slices.ContainsFunc(names, func(n pathlock.Name) bool {
				return backend.Within(n.Path, changed.Path) || n.Tree && backend.Within(changed.Path, n.Path) || why == listing && path.Dir(changed.Path) == n.Path
			})
		}
		if slices.ContainsFunc(m.names(from), touched) {
			all = append(all, from)
		}
	}
	return all
}

// use is what names are settled for.
type use int

const (
	looking use = iota
	listing
	changing
)

// settle finishes or takes back the changes of a name that were cut short, before
// it is looked at. What the server refuses for good is left as it is until somebody
// changes it: all that is there is shown.
func (s *store) settle(ctx context.Context, why use, name string) error {
	for _, from := range s.lefts(why, pathlock.One(name)) {
		err := s.settleOne(ctx, from)
		switch {
		case err == nil:
		case passing(err):
			return s.unsettled(from, err)
		default:
			s.left.CompareAndSwap(from, false, true)
		}
	}
	return nil
}

// passing reports whether the cause of an error may pass by itself.
func passing(err error) bool {
	return slices.ContainsFunc([]error{backend.ErrUnavailable, backend.ErrUncertain, backend.ErrRateLimited, context.Canceled, context.DeadlineExceeded},
		func(kind error) bool { return is(err, kind) })
}

// unsettled is the error of what needs a change to be settled before.
func (s *store) unsettled(from string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	m, _ := s.moves.Get(from)
	return &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("%s was cut short, and cannot be finished yet: %v", m.describe(from), translate(err))}
}

// settleOne finishes or takes back the change of a name that was cut short.
func (s *store) settleOne(ctx context.Context, from string) error {
	m, _ := s.moves.Get(from)
	unlock, err := s.names.Lock(ctx, m.names(from)...)
	if err != nil {
		return err
	}
	defer unlock()
	_, left := s.left.Load(from)
	if now, _ := s.moves.Get(from); !left || !now.Begun.Equal(m.Begun) {
		return nil // by another caller
	}
	if err := s.recoverOne(ctx, from, m); err != nil {
		return err
	}
	return s.forgo(from)
}

// forgo ends an intent that was cut short.
func (s *store) forgo(from string) error {
	err := s.moves.done(from)
	if err == nil {
		s.left.Delete(from)
	}
	return err
}

// recoverOne finishes a removal, and a move of which all was copied; it takes back
// another move, and a copy: it removes the objects of one side that are on the
// other too. What is only on one side stays, and what was stored since a removal
// began.
func (s *store) recoverOne(ctx context.Context, from string, m intent) error {
	if age := s.cfg.Now().Sub(m.Begun); age < 0 || age > intentLife {
		s.log.Warn(m.describe(from) + " that was cut short long ago is left as it is: see what is there")
		return nil
	}
	switch {
	case m.Kind == removing:
		var seen []entry
		for key, version := range m.Seen {
			seen = append(seen, entry{key: key, Info: backend.Info{Version: version}})
		}
		_, err := s.deleteAll(ctx, seen)
		return err
	case !m.Dir:
		if err := s.keepFolder(ctx, from); err != nil {
			return err
		}
		return s.removeTwin(ctx, s.key(from), s.key(m.To))
	case m.Copied:
		return s.removeTwins(ctx, s.dirKey(from), s.dirKey(m.To))
	}
	return s.removeTwins(ctx, s.dirKey(m.To), s.dirKey(from))
}

// removeTwins removes what is below one prefix and the same below another, files
// before the markers of folders.
func (s *store) removeTwins(ctx context.Context, remove, keep string) error {
	objects, err := s.below(ctx, remove)
	if err != nil {
		return err
	}
	for _, markers := range []bool{false, true} {
		for _, e := range objects {
			if isMarker(e.key) != markers {
				continue
			}
			if err := s.removeTwin(ctx, e.key, keep+e.key[len(remove):]); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeTwin removes an object if another one has the same content, and both are
// what they were once that is known.
func (s *store) removeTwin(ctx context.Context, remove, keep string) error {
	twin, there, err := s.look(ctx, remove)
	if err != nil || !there {
		return err
	}
	kept, there, err := s.look(ctx, keep)
	if err != nil || !there {
		return err
	}
	if same, err := s.alike(ctx, twin, kept); err != nil || !same {
		return err
	}
	now, there, err := s.look(ctx, keep)
	if err != nil || !there || now.Version != kept.Version {
		return err
	}
	_, err = s.deleteAll(ctx, []entry{twin})
	return err
}

// alike reports whether two objects have the same content: by their entity tags
// where those are hashes, or else by reading both.
func (s *store) alike(ctx context.Context, a, b entry) (bool, error) {
	switch {
	case a.Size != b.Size:
		return false, nil
	case a.MD5 != "" && b.MD5 != "":
		return a.MD5 == b.MD5, nil
	case a.Size == 0:
		return true, nil
	}
	one, err := s.digest(ctx, a)
	if err != nil {
		return false, err
	}
	other, err := s.digest(ctx, b)
	return err == nil && bytes.Equal(one, other), err
}
