package yandex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"

	"github.com/davdisk/davdisk/internal/journal"
)

// work is pending work, by name, in a journal of the state folder.
type work[T any] struct {
	*journal.Map[T]
	lasting bool // survives the process
}

// openWork opens the work left by an earlier process. It is in memory only
// without a state folder, and if another process or backend has the journal
// open, which is logged.
func openWork[T any](cfg Config, root, what string) (*work[T], error) {
	config := journal.MapConfig[T]{Format: "davdisk " + what + " 1"}
	if cfg.StateDir != "" {
		sum := sha256.Sum256([]byte(root))
		base := filepath.Join(cfg.StateDir, what+"-"+hex.EncodeToString(sum[:6]))
		config.Import = journal.EarlierMap[T](base + ".jsonl")
		m, err := journal.OpenMap(base+".journal", config)
		if !errors.Is(err, journal.ErrLocked) {
			return &work[T]{m, true}, err
		}
		cfg.Log.Warn("this backend keeps what is still to be done in memory", "error", err)
	}
	m, err := journal.OpenMap("", config)
	return &work[T]{m, false}, err
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
