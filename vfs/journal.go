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
	"github.com/davdisk/davdisk/internal/journal"
)

// hiddenPrefix begins the names of what is in the store for the time of an
// operation only.
const hiddenPrefix = ".davdisk-"

// intent is an operation that takes more than one step, as the journal keeps it.
// Names are those of the backend.
type intent struct {
	ID     string `json:"id"`
	Kind   kind   `json:"kind"`
	From   string `json:"from,omitempty"`
	Target string `json:"target,omitempty"` // what is replaced
	Hidden string `json:"hidden"`           // where it is meanwhile

	// Confinement is that of the caller who began it, and holds also when
	// another finishes it.
	Confinement []string `json:"confinement,omitempty"`
}

// unfinished is an intent that has not been brought to its end.
type unfinished struct {
	intent

	// busy holds a token while someone is working at it, who may use the rest.
	busy     chan struct{}
	unsure   bool // Target may still be on its way to Hidden
	doubtful bool // From may still be on its way to Target
}

func newUnfinished(ctx context.Context, k kind, from, target, hiddenFrom string) *unfinished {
	e := &unfinished{
		intent: intent{Kind: k, From: from, Target: target, Confinement: backend.Confinement(ctx)},
		busy:   make(chan struct{}, 1),
	}
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

// operations are the unfinished ones, kept in a journal so that they are known
// after a crash; or in memory only, if there is no state folder.
type operations struct {
	journal *journal.Map[intent] // by ID

	mu      sync.Mutex // guards all below, and the kind of each entry
	entries map[string]*unfinished
	begun   uint64 // operations so far
}

// openOperations reads what is unfinished from a former run.
func openOperations(stateDir string) (*operations, error) {
	o := &operations{entries: map[string]*unfinished{}}
	path, config := "", journal.MapConfig[intent]{Format: "davdisk unfinished 1"}
	if stateDir != "" {
		path = filepath.Join(stateDir, "unfinished.journal")
		config.Import = importOperations(filepath.Join(stateDir, "unfinished"))
	}
	var err error
	if o.journal, err = journal.OpenMap(path, config); err != nil {
		return nil, fmt.Errorf("open the journal of unfinished operations: %w", err)
	}
	for id, i := range o.journal.All() {
		if !i.valid() || i.ID != id {
			return nil, errors.Join(fmt.Errorf("the journal %s holds an operation that cannot be understood: %+v", path, i), o.journal.Close())
		}
		o.entries[id] = &unfinished{intent: i, busy: make(chan struct{}, 1), unsure: true, doubtful: true}
	}
	return o, nil
}

// importOperations carries over the folder with a file for each operation that
// state folders of version 1 have.
func importOperations(dir string) func(set func(string, intent) error, keep func() error) error {
	return func(set func(string, intent) error, keep func() error) error {
		files, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, file := range files {
			if !strings.HasSuffix(file.Name(), ".json") {
				continue // cut short while it was written, so nothing has been begun
			}
			name := filepath.Join(dir, file.Name())
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			var i intent
			if json.Unmarshal(data, &i) != nil || !i.valid() || i.ID+".json" != file.Name() {
				return fmt.Errorf("%s cannot be understood: look into it, then remove it", name)
			}
			if err := set(i.ID, i); err != nil {
				return err
			}
		}
		if err := keep(); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	}
}

// valid refuses what this program cannot have written.
func (i *intent) valid() bool {
	if !fs.ValidPath(i.Hidden) || !strings.HasPrefix(path.Base(i.Hidden), hiddenPrefix) {
		return false
	}
	switch i.Kind {
	case discarding:
		return true
	case moving, copying:
		return fs.ValidPath(i.From) && fs.ValidPath(i.Target) && i.Target != "."
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
func (o *operations) begin(e *unfinished) error {
	if err := o.write(e.intent); err != nil {
		return err
	}
	e.busy <- struct{}{}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entries[e.ID] = e
	o.begun++
	return nil
}

// count tells how many operations have been begun.
func (o *operations) count() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begun
}

// rest ends the work at an entry, finished or not.
func (e *unfinished) rest() { <-e.busy }

// becomes writes down that what is left to do is something else.
func (o *operations) becomes(e *unfinished, k kind) error {
	changed := e.intent
	changed.Kind = k
	if err := o.write(changed); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e.Kind = k
	return nil
}

// done forgets an operation that is finished. One that comes back is found to
// be.
func (o *operations) done(e *unfinished) error {
	o.mu.Lock()
	delete(o.entries, e.ID)
	o.mu.Unlock()
	return o.journal.Delete(context.Background(), e.ID, journal.Options{Volatile: true})
}

// write brings an operation to the disk. It is not given up when the client has
// gone.
func (o *operations) write(i intent) error {
	if err := o.journal.Set(context.Background(), i.ID, i, journal.Options{}); err != nil {
		// Not to be taken for an error of the store: that our own folder is
		// missing does not mean that the file is.
		return failure(backend.ErrUnavailable, fmt.Sprintf("what is begun cannot be written down: %v", err))
	}
	return nil
}

// Close leaves the journal to the next run.
func (o *operations) Close() error { return o.journal.Close() }

// find gives the entries of which f says true.
func (o *operations) find(f func(e *unfinished) bool) (found []*unfinished) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.entries {
		if f(e) {
			found = append(found, e)
		}
	}
	return found
}

// is tells whether an entry is still to be done, and what.
func (o *operations) is(e *unfinished) (k kind, unfinished bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return e.Kind, o.entries[e.ID] == e
}
