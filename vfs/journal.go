package vfs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
)

// hiddenPrefix begins the names of what is in the store for the time of an
// operation only.
const hiddenPrefix = ".davdisk-"

// unfinished is an operation that takes more than one step, as the journal
// keeps it. Names are those of the backend.
type unfinished struct {
	ID     string `json:"id"`
	Kind   kind   `json:"kind"`
	From   string `json:"from,omitempty"`
	Target string `json:"target,omitempty"` // what is replaced
	Hidden string `json:"hidden"`           // where it is meanwhile

	// Confinement is that of the caller who began it, and holds also when
	// another settles it.
	Confinement []string `json:"confinement,omitempty"`

	// busy holds a token while someone is working at it, who may use the rest.
	busy     chan struct{}
	unsure   bool // Target may still be on its way to Hidden
	doubtful bool // From may still be on its way to Target
}

func newUnfinished(ctx context.Context, k kind, from, target, hiddenFrom string) *unfinished {
	e := &unfinished{Kind: k, From: from, Target: target, Confinement: backend.Confinement(ctx), busy: make(chan struct{}, 1)}
	e.ID, e.Hidden = hide(hiddenFrom)
	return e
}

// kind tells how an operation that was cut short is settled.
type kind string

const (
	moving     kind = "move"    // From takes the place of Target
	copying    kind = "copy"    // a copy of From does
	discarding kind = "discard" // Hidden is of no use any more
)

// journal keeps unfinished operations in a folder, a file each, so that they
// are known after a crash; or in memory only, if the folder has no name.
type journal struct {
	dir string

	mu      sync.Mutex // guards all below, and the kind of each entry
	entries map[string]*unfinished
	begun   uint64 // operations so far
}

// openJournal reads what is unfinished from a former run.
func openJournal(stateDir string) (*journal, error) {
	j := &journal{entries: map[string]*unfinished{}}
	if stateDir == "" {
		return j, nil
	}
	j.dir = filepath.Join(stateDir, "unfinished")
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the journal of unfinished operations: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(j.dir, "*"))
	if err != nil {
		return nil, fmt.Errorf("open the journal of unfinished operations: %w", err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, ".json") {
			// Cut short while it was written, so nothing has been begun.
			os.Remove(file)
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("open the journal of unfinished operations: %w", err)
		}
		e := &unfinished{busy: make(chan struct{}, 1), unsure: true, doubtful: true}
		if err := json.Unmarshal(data, e); err != nil || !e.valid() || e.ID+".json" != filepath.Base(file) {
			return nil, fmt.Errorf("the journal %s cannot be understood: look into it, then remove it", file)
		}
		j.entries[e.ID] = e
	}
	return j, nil
}

// valid refuses an entry that this program cannot have written.
func (e *unfinished) valid() bool {
	if !fs.ValidPath(e.Hidden) || !strings.HasPrefix(path.Base(e.Hidden), hiddenPrefix) {
		return false
	}
	switch e.Kind {
	case discarding:
		return true
	case moving, copying:
		return fs.ValidPath(e.From) && fs.ValidPath(e.Target) && e.Target != "."
	}
	return false
}

// hide makes up a hidden sibling of a name. Should what is there ever come to
// light, the end of its name tells what it was.
func hide(name string) (id, hidden string) {
	id = strings.ToLower(rand.Text()[:10])
	base := hiddenPrefix + id + "-" + path.Base(name)
	if runes := []rune(base); len(runes) > maxName {
		base = string(runes[:maxName])
	}
	return id, path.Join(path.Dir(name), base)
}

// begin writes down an operation before its first step. The caller is the one
// who works at it, until he calls rest.
func (j *journal) begin(e *unfinished) error {
	if err := j.write(e); err != nil {
		return err
	}
	e.busy <- struct{}{}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries[e.ID] = e
	j.begun++
	return nil
}

// count tells how many operations have been begun.
func (j *journal) count() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.begun
}

// rest ends the work at an entry, finished or not.
func (e *unfinished) rest() { <-e.busy }

// becomes writes down that what is left to do is something else.
func (j *journal) becomes(e *unfinished, k kind) error {
	changed := *e
	changed.Kind = k
	if err := j.write(&changed); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Kind = k
	return nil
}

// done forgets an operation that is finished.
func (j *journal) done(e *unfinished) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.entries, e.ID)
	if j.dir == "" {
		return nil
	}
	if err := os.Remove(j.file(e)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (j *journal) file(e *unfinished) string { return filepath.Join(j.dir, e.ID+".json") }

// write puts an entry on disk, whole or not at all.
func (j *journal) write(e *unfinished) error {
	if j.dir == "" {
		return nil
	}
	data, err := json.Marshal(e)
	if err == nil {
		err = os.MkdirAll(j.dir, 0o700) // it may have been deleted
	}
	if err == nil {
		err = durable.WriteFile(j.file(e), data, 0o600)
	}
	if err != nil {
		// Not to be taken for an error of the store: that our own folder is
		// missing does not mean that the file is.
		return failure(backend.ErrUnavailable, fmt.Sprintf("what is begun cannot be written down: %v", err))
	}
	return nil
}

// find gives the entries of which f says true.
func (j *journal) find(f func(e *unfinished) bool) (found []*unfinished) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.entries {
		if f(e) {
			found = append(found, e)
		}
	}
	return found
}

// is tells whether an entry is still to be done, and what.
func (j *journal) is(e *unfinished) (k kind, unfinished bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return e.Kind, j.entries[e.ID] == e
}
