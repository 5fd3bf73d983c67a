package yandex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"github.com/davdisk/davdisk/internal/journal"
)

// work is pending work, by name, in a journal of the state folder.
type work[T any] struct {
	*journal.Map[T]
	lasting bool // survives the process

	format string
	beside []string // the journals that other processes may have; none in memory only
}

// maxJournals is how many backends of one account can keep a journal at a time:
// each process has its own, as a command beside a running server.
const maxJournals = 8

// openWork opens the work left by earlier processes. It is in memory only
// without a state folder, and if maxJournals others are open, which is logged.
// Of two values for one name, the one counts that is newer than the other; with
// no newer, both stay where they are.
func openWork[T any](cfg Config, root, what string, newer func(a, b T) bool) (*work[T], error) {
	w := &work[T]{format: "davdisk " + what + " 1"}
	err := error(nil)
	if cfg.StateDir == "" {
		w.Map, err = journal.OpenMap("", journal.MapConfig[T]{Format: w.format})
		return w, err
	}
	sum := sha256.Sum256([]byte(root))
	base := filepath.Join(cfg.StateDir, what+"-"+hex.EncodeToString(sum[:6]))
	for i := range maxJournals {
		path, config := base+".journal", journal.MapConfig[T]{Format: w.format}
		if i == 0 {
			config.Import = journal.EarlierMap[T](base + ".jsonl")
		} else {
			path = base + "." + strconv.Itoa(i) + ".journal"
		}
		if w.Map == nil {
			m, err := journal.OpenMap(path, config)
			if err == nil {
				w.Map, w.lasting = m, true
				continue
			}
			if !errors.Is(err, journal.ErrLocked) {
				return nil, err
			}
		}
		w.beside = append(w.beside, path)
	}
	if w.Map == nil {
		cfg.Log.Warn("this backend keeps what is still to be done in memory", "error", fmt.Errorf("%w: %s", journal.ErrLocked, base))
		w.Map, err = journal.OpenMap("", journal.MapConfig[T]{Format: w.format})
		return w, err
	}
	for _, path := range w.beside {
		if err := w.takeOver(cfg.Log, path, newer); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return w, nil
}

// takeOver moves the work in another journal into this one, unless a process has
// it open. What cannot be written stays where it is.
func (w *work[T]) takeOver(log *slog.Logger, path string, newer func(a, b T) bool) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil // the usual case makes no lock file
	}
	left, err := journal.OpenMap(path, journal.MapConfig[T]{Format: w.format})
	if errors.Is(err, journal.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx := context.Background()
	for name, value := range left.All() {
		if have, known := w.Get(name); known && (newer == nil || !newer(value, have)) {
			if newer == nil {
				continue
			}
		} else if err = w.Set(ctx, name, value, journal.Options{}); err != nil {
			break
		}
		if err = left.Delete(ctx, name, journal.Options{Volatile: true}); err != nil { // in both, it is taken over again
			break
		}
	}
	if err = errors.Join(err, left.Close()); err != nil {
		log.Warn("what an earlier process left to be done stays in its journal", "error", err)
	}
	return nil
}

// others reads the work that is in the journals of other processes.
func (w *work[T]) others() (all []map[string]T, err error) {
	for _, path := range w.beside {
		left, err := journal.ReadMap[T](path, w.format)
		if err != nil {
			return nil, err
		}
		if len(left) > 0 {
			all = append(all, left)
		}
	}
	return all, nil
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
