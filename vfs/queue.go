package vfs

import (
	"context"
	"path/filepath"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/writeback"
)

// queueDir is where write-back keeps what waits, below the state folder.
const queueDir = "queue"

// Queued is a file that has been acknowledged and is still to be stored.
type Queued struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`            // in the store
	Size    int64     `json:"size"`            // bytes
	Since   time.Time `json:"since"`           // when it was acknowledged
	Tries   int       `json:"tries"`           // that have failed since the last start
	Error   string    `json:"error,omitempty"` // of the last one
	Next    time.Time `json:"next,omitzero"`   // when it is tried again, or at the next start if that is sooner
	Content string    `json:"content"`         // the file on this machine that holds it
}

// ReadQueue tells what waits to be stored in a state folder, whether a file
// system is at work in it or not.
func ReadQueue(stateDir string) ([]Queued, error) {
	entries, contents, err := writeback.Read(filepath.Join(stateDir, queueDir))
	if err != nil {
		return nil, err
	}
	var all []Queued
	for i, e := range entries {
		all = append(all, Queued{e.ID, e.Name, e.Size, e.Since, e.Trouble.Tries, e.Trouble.Error, e.Trouble.Next, contents[i]})
	}
	return all, nil
}

// DropQueued gives up a file that waits to be stored: its content is lost, and
// what the store has under its name stays. It fails while a file system is at
// work in the state folder; with that one, the file can be removed.
func DropQueued(stateDir, id string) error {
	return writeback.Drop(filepath.Join(stateDir, queueDir), id)
}

// Queued tells how many files, and bytes of them, wait to be stored.
func (f *FS) Queued() (files int, bytes int64) {
	if f.queue == nil {
		return 0, 0
	}
	return f.queue.Waiting()
}

// openQueue puts a queue in front of the store, if there is to be one, or if a
// former run has left something in it.
func (c *core) openQueue() error {
	if c.opts.stateDir == "" {
		return nil
	}
	dir := filepath.Join(c.opts.stateDir, queueDir)
	left, err := writeback.Waits(dir)
	if err != nil || !left && c.opts.waiting == 0 {
		return err
	}
	c.queue, err = writeback.Open(c.b, writeback.Options{
		Dir: dir, MaxBytes: c.opts.waiting, Log: c.opts.log, Now: c.opts.now,
		Look:    func(ctx context.Context, name string) (backend.Info, error) { return c.meta.Stat(ctx, name) },
		Changed: c.doubt,
	})
	if err == nil {
		c.b = c.queue
	}
	return err
}
