package s3

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// intentLife is how long a move that was killed is finished or taken back. Later
// nobody expects that any more.
const intentLife = 24 * time.Hour

// intent is a move under way, noted before its first step.
type intent struct {
	To     string    `json:"to"`
	Dir    bool      `json:"dir"`
	Copied bool      `json:"copied"` // all is under the new name, and removed under the old one
	Begun  time.Time `json:"begun"`
}

// work is what is still to be done, by key, in a journal of the state folder.
type work[T any] struct{ *journal.Map[T] }

// openWork opens the work left by an earlier process. It is in memory only
// without a state folder, and if another process or backend has the journal open:
// then that one does it.
func openWork[T any](cfg Config, what string) (*work[T], error) {
	config := journal.MapConfig[T]{Format: "davdisk s3 " + what + " 1"}
	if name, earlier := cfg.journalFile(what); name != "" {
		m, err := journal.OpenMap(name, config)
		if err == nil {
			w := &work[T]{m}
			if err := w.takeOver(earlier, config); err != nil {
				return nil, errors.Join(err, w.Close())
			}
			return w, nil
		}
		if !errors.Is(err, journal.ErrLocked) {
			return nil, err
		}
		cfg.Log.Debug("this backend keeps what is still to be done in memory", "error", err)
	}
	m, err := journal.OpenMap("", config)
	if err != nil {
		return nil, err
	}
	return &work[T]{m}, nil
}

// takeOver moves what is still to be done here from the journal of an earlier
// version, unless a process of that version has it open.
func (w *work[T]) takeOver(earlier string, config journal.MapConfig[T]) error {
	if _, err := os.Stat(earlier); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	old, err := journal.OpenMap(earlier, config)
	if errors.Is(err, journal.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	for key, value := range old.All() {
		if _, newer := w.Get(key); !newer {
			err = w.set(key, value)
		}
		if err == nil {
			err = (&work[T]{old}).done(key)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, old.Close()) // an empty one leaves no file
}

// set stores a value. When it returns nil it is on disk.
func (w *work[T]) set(key string, value T) error {
	return w.Set(context.Background(), key, value, journal.Options{})
}

// done removes a value. When it returns nil that is on disk.
func (w *work[T]) done(key string) error {
	return w.Delete(context.Background(), key, journal.Options{})
}

// forget removes a value that does no harm if it comes back after a crash.
func (w *work[T]) forget(key string) error {
	return w.Delete(context.Background(), key, journal.Options{Volatile: true})
}

// openJournals opens what an earlier process has left.
func (s *store) openJournals() (err error) {
	if s.cfg.StateDir != "" {
		if err := os.MkdirAll(s.cfg.StateDir, 0o700); err != nil {
			return err
		}
	}
	if s.moves, err = openWork[intent](s.cfg, "moves"); err == nil {
		s.uploads, err = openWork[string](s.cfg, "uploads")
	}
	return err
}

// recover begins to do away with what a killed process has left. The names of its
// moves are locked until that is done.
func (s *store) recover() error {
	moves, uploads := s.moves.All(), s.uploads.All()
	if len(moves) == 0 && len(uploads) == 0 {
		return nil
	}
	var names []pathlock.Name
	for from, m := range moves {
		names = append(names, pathlock.Tree(from), pathlock.Tree(m.To))
	}
	ctx, stop := context.WithCancel(context.Background())
	s.tidyStop = stop
	unlock, err := s.names.Lock(ctx, names...)
	if err != nil {
		return err
	}
	s.tidy.Go(func() {
		defer unlock()
		for from, m := range moves {
			if err := s.recoverMove(ctx, from, m); err != nil {
				s.log.Warn("a move that was killed is not finished yet", "from", from, "to", m.To, "error", translate(err))
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
	return nil
}

// recoverMove finishes a move of which all was copied, and takes back another: it
// removes the objects of one side that are on the other too. What is only on
// one side stays.
func (s *store) recoverMove(ctx context.Context, from string, m intent) error {
	if age := s.cfg.Now().Sub(m.Begun); age < 0 || age > intentLife {
		s.log.Warn("a move that was killed long ago is left as it is: see what is under both names", "from", from, "to", m.To)
		return s.moves.done(from)
	}
	var err error
	switch {
	case !m.Dir:
		if err = s.keepFolder(ctx, from); err != nil {
			return err
		}
		err = s.removeTwin(ctx, s.key(from), s.key(m.To))
	case m.Copied:
		err = s.removeTwins(ctx, s.dirKey(from), s.dirKey(m.To))
	default:
		err = s.removeTwins(ctx, s.dirKey(m.To), s.dirKey(from))
	}
	if err == nil {
		err = s.moves.done(from)
	}
	return err
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
	return s.deleteAll(ctx, []entry{twin})
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
