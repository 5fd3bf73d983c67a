package vfs

import (
	"context"
	"path/filepath"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/writeback"
)

// queueDir is the folder of the write-back queue, below the state folder.
const queueDir = "queue"

// What file systems on one store, each with a queue, know of each other; see
// [WithGateways].
type (
	Gateways = writeback.Gateways
	Waiting  = writeback.File
	Local    = writeback.Local
)

// Errors of [Gateways]: the name waits in another queue, and too many files wait.
var (
	ErrWaits = writeback.ErrWaits
	ErrFull  = writeback.ErrFull
)

// Queued describes a file that has been acknowledged and is still to be stored.
type Queued struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`            // in the store
	Size    int64     `json:"size"`            // bytes
	Since   time.Time `json:"since"`           // when it was acknowledged
	Tries   int       `json:"tries"`           // failed ones since the last start
	Error   string    `json:"error,omitempty"` // of the last one
	Next    time.Time `json:"next,omitzero"`   // of the next try, which the next start may bring forward
	Content string    `json:"content"`         // path of the local file that holds it
}

// ReadQueue returns the files queued in a state folder, oldest first, whether or
// not a file system is using it.
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

// DropQueued removes a file from the queue: its content is lost, and what the
// store has under its name stays. It fails while a file system is using the
// state folder; remove the file through that one instead.
func DropQueued(stateDir, id string) error {
	return writeback.Drop(filepath.Join(stateDir, queueDir), id)
}

// Queued returns the number of queued files and their total size in bytes.
func (f *FS) Queued() (files int, bytes int64) {
	if f.queue == nil {
		return 0, 0
	}
	return f.queue.Waiting()
}

// openQueue puts a queue in front of the store, if write-back is enabled or a
// previous run has left queued files.
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
		Look:    func(ctx context.Context, name string) (backend.Info, error) { return c.storeStat(ctx, name) },
		Changed: c.invalidate, Gateways: c.opts.gateways, Held: c.opts.held,
	})
	if err == nil {
		c.b = c.queue
	}
	return err
}
