package s3

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/davdisk/davdisk/internal/journal"
)

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
