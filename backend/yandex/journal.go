package yandex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/davdisk/davdisk/internal/journal"
)

// work is pending work, by name, in a journal of the state folder.
type work[T any] struct {
	*journal.Map[T]
	lasting bool // survives the process
}

// maxJournals is how many backends of one account can keep a journal at a time:
// each process has its own, as a command beside a running server.
const maxJournals = 8

// openWork opens the work left by earlier processes. It is in memory only
// without a state folder, and if maxJournals others are open, which is logged.
func openWork[T any](cfg Config, root, what string) (*work[T], error) {
	format := "davdisk " + what + " 1"
	if cfg.StateDir == "" {
		m, err := journal.OpenMap("", journal.MapConfig[T]{Format: format})
		return &work[T]{m, false}, err
	}
	sum := sha256.Sum256([]byte(root))
	base := filepath.Join(cfg.StateDir, what+"-"+hex.EncodeToString(sum[:6]))
	for i := range maxJournals {
		config := journal.MapConfig[T]{Format: format}
		if i == 0 {
			config.Import = journal.EarlierMap[T](base + ".jsonl")
		}
		m, err := journal.OpenMap(journalPath(base, i), config)
		if errors.Is(err, journal.ErrLocked) {
			continue
		}
		if err != nil {
			return nil, err
		}
		w := &work[T]{m, true}
		for other := range maxJournals {
			if other == i {
				continue
			}
			if err := w.takeOver(journalPath(base, other), format); err != nil {
				return nil, errors.Join(err, w.Close())
			}
		}
		return w, nil
	}
	cfg.Log.Warn("this backend keeps what is still to be done in memory", "error", fmt.Errorf("%w: %s", journal.ErrLocked, base))
	m, err := journal.OpenMap("", journal.MapConfig[T]{Format: format})
	return &work[T]{m, false}, err
}

func journalPath(base string, i int) string {
	if i == 0 {
		return base + ".journal"
	}
	return base + "." + strconv.Itoa(i) + ".journal"
}

// takeOver moves the work in another journal into this one, unless a process has
// it open. A crash between the two steps leaves it in both, and it is taken over
// again.
func (w *work[T]) takeOver(path, format string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil // the usual case makes no lock file
	}
	left, err := journal.OpenMap(path, journal.MapConfig[T]{Format: format})
	if errors.Is(err, journal.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	for name, value := range left.All() {
		if _, known := w.Get(name); !known {
			err = w.Set(context.Background(), name, value, journal.Options{})
		}
		if err == nil {
			err = left.Delete(context.Background(), name, journal.Options{})
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, left.Close())
}

// set stores a value; when it returns nil it is on disk. Otherwise it is kept
// in memory, and written when that is possible.
func (w *work[T]) set(name string, value T) error {
	err := w.Set(context.Background(), name, value, journal.Options{})
	if err != nil {
		err = errors.Join(err, w.note(name, value))
	}
	return err
}

// note is set for a value that may be lost in a crash, because the previous
// one serves as well.
func (w *work[T]) note(name string, value T) error {
	return w.Set(context.Background(), name, value, journal.Options{Volatile: true})
}

// delete removes a value. One that reappears after a crash is found to be out
// of date.
func (w *work[T]) delete(name string) error {
	return w.Delete(context.Background(), name, journal.Options{Volatile: true})
}
