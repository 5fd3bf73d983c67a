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
	"github.com/davdisk/davdisk/internal/ownname"
)

// record is an operation of more than one step, as written to the journal. Names
// are those of the backend.
type record struct {
	ID     string `json:"id"`
	Kind   kind   `json:"kind"`
	From   string `json:"from,omitempty"`
	Target string `json:"target,omitempty"` // the name that is replaced
	Hidden string `json:"hidden"`           // where the old content is meanwhile

	// Confinement is that of the caller that began the operation. It also applies
	// when another caller completes it.
	Confinement []string `json:"confinement,omitempty"`
}

// intent is an operation that has begun and is not known to be complete.
type intent struct {
	record

	// busy holds a token while a goroutine works on the intent, and guards the
	// fields below.
	busy         chan struct{}
	asideUnknown bool // outcome of the move from Target to Hidden
	moveUnknown  bool // outcome of the move from From to Target
	late         bool // the request that began it has ended, or the process that it was in

	*shared // of one that is in the log of several gateways; else nil
}

func newIntent(ctx context.Context, k kind, from, target, hiddenFrom string) *intent {
	e := &intent{
		record: record{Kind: k, From: from, Target: target, Confinement: backend.Confinement(ctx)},
		busy:   make(chan struct{}, 1),
	}
	e.ID, e.Hidden = hide(hiddenFrom)
	return e
}

// kind is what recovery has to complete or undo.
type kind string

const (
	moving     kind = "move"    // From takes the place of Target
	copying    kind = "copy"    // a copy of From takes the place of Target
	discarding kind = "discard" // Hidden is to be removed
)

// replaces reports whether Target may be missing while its old content has another
// name.
func (e *intent) replaces() bool { return e.Kind == moving || e.Kind == copying }

// operations are the pending intents, kept in a journal so that they are known
// after a crash; or in memory only, if there is no state folder.
type operations struct {
	journal  *journal.Map[record] // by ID
	gateways *gateways            // nil: there are no others

	mu      sync.Mutex // guards the fields below, and the kind of each intent
	entries map[string]*intent
	watches map[*watch]struct{}
}

// watch notices that an operation begins.
type watch struct {
	operations *operations
	concerns   func(e *intent) bool
	begun      bool // one that concerns it has begun; guarded by operations.mu
}

// openOperations reads the intents that a previous run has left.
func openOperations(stateDir string) (*operations, error) {
	o := &operations{entries: map[string]*intent{}, watches: map[*watch]struct{}{}}
	path, config := "", journal.MapConfig[record]{Format: "davdisk unfinished 1"}
	if stateDir != "" {
		path = filepath.Join(stateDir, "unfinished.journal")
		config.Import = importOperations(filepath.Join(stateDir, "unfinished"))
	}
	var err error
	if o.journal, err = journal.OpenMap(path, config); err != nil {
		return nil, fmt.Errorf("open the journal of pending operations: %w", err)
	}
	for id, i := range o.journal.All() {
		if !i.valid() || i.ID != id {
			return nil, errors.Join(fmt.Errorf("the journal %s holds an invalid operation: %+v", path, i), o.journal.Close())
		}
		o.entries[id] = &intent{record: i, busy: make(chan struct{}, 1), asideUnknown: true, moveUnknown: true, late: true}
	}
	return o, nil
}

// importOperations imports the folder of version 1 of the state folder, which
// has a file for each operation.
func importOperations(dir string) func(set func(string, record) error, keep func() error) error {
	return func(set func(string, record) error, keep func() error) error {
		files, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, file := range files {
			if !strings.HasSuffix(file.Name(), ".json") {
				continue // incomplete, so the operation has not begun
			}
			name := filepath.Join(dir, file.Name())
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			var i record
			if json.Unmarshal(data, &i) != nil || !i.valid() || i.ID+".json" != file.Name() {
				return fmt.Errorf("%s is invalid: inspect it, then remove it", name)
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

// valid reports whether this program can have written the record.
func (i *record) valid() bool {
	if !fs.ValidPath(i.Hidden) || !ownname.Is(i.Hidden) {
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

// hide returns a new id and a hidden sibling of name with that id. The original
// name is part of it, for people who find it in the store.
func hide(name string) (id, hidden string) {
	id = strings.ToLower(rand.Text()[:10])
	base := ownname.Prefix + id + "-" + path.Base(name)
	if runes := []rune(base); len(runes) > maxName {
		base = string(runes[:maxName])
	}
	return id, path.Join(path.Dir(name), base)
}

// begin writes an intent to the journal before its first step. The caller holds
// it until it calls release.
func (o *operations) begin(e *intent) error {
	if err := o.write(e.record); err != nil {
		return err
	}
	e.busy <- struct{}{}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entries[e.ID] = e
	o.notice(e)
	return nil
}

// notice tells the watches of an operation that has begun. o.mu is held.
func (o *operations) notice(e *intent) {
	for w := range o.watches {
		w.begun = w.begun || w.concerns(e)
	}
}

// watch begins to watch for operations for which concerns reports true. The
// caller must call end.
func (o *operations) watch(concerns func(e *intent) bool) *watch {
	w := &watch{operations: o, concerns: concerns}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watches[w] = struct{}{}
	return w
}

// disturbed reports whether an operation has begun since the last call, or since
// the watch began.
func (w *watch) disturbed() bool {
	w.operations.mu.Lock()
	defer w.operations.mu.Unlock()
	begun := w.begun
	w.begun = false
	return begun
}

func (w *watch) end() {
	w.operations.mu.Lock()
	defer w.operations.mu.Unlock()
	delete(w.operations.watches, w)
}

// setKind changes in the journal what is left to do.
func (o *operations) setKind(e *intent, k kind) error {
	changed := e.record
	changed.Kind = k
	if err := o.write(changed); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e.Kind = k
	return nil
}

// done removes a complete intent. If a crash brings it back, recovery finds that
// it is complete.
func (o *operations) done(e *intent) error {
	o.mu.Lock()
	delete(o.entries, e.ID)
	o.mu.Unlock()
	return o.journal.Delete(context.Background(), e.ID, journal.Options{Volatile: true})
}

// write writes a record to the disk, even if the client has gone.
func (o *operations) write(i record) error {
	if err := o.journal.Set(context.Background(), i.ID, i, journal.Options{}); err != nil {
		// Hides the cause from errors.Is: that a local folder is missing does
		// not mean that the file is.
		return failure(backend.ErrUnavailable, fmt.Sprintf("cannot write to the journal: %v", err))
	}
	return nil
}

// Close closes the journal. The next run recovers what is pending.
func (o *operations) Close() error {
	err := o.journal.Close()
	if o.gateways != nil {
		o.mu.Lock()
		o.gateways.closed = true // entries may come until the engine is closed
		for _, e := range o.gateways.intents {
			if e.timer != nil {
				e.timer.Stop()
			}
		}
		o.mu.Unlock()
		err = errors.Join(err, o.gateways.log.Close())
	}
	return err
}

// find returns the intents for which f reports true. One that is in the journal here
// is not taken from the log.
func (o *operations) find(f func(e *intent) bool) (found []*intent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.entries {
		if f(e) {
			found = append(found, e)
		}
	}
	if o.gateways == nil {
		return found
	}
	for id, e := range o.gateways.intents {
		if o.entries[id] == nil && f(e) {
			found = append(found, e)
		}
	}
	return found
}

// state reports whether an intent is still pending, and its kind.
func (o *operations) state(e *intent) (k kind, pending bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return e.Kind, o.entries[e.ID] == e
}
