// Package propstore keeps dead properties (RFC 4918, section 4) that the file
// system beneath a WebDAV server cannot hold.
//
// A Store knows paths, not files: the caller notifies it when a resource is
// moved, copied or deleted, together with what it changes elsewhere. Paths are
// absolute and slash-separated; they are cleaned on entry. A property is a name,
// "{namespace}local", and a value, the whole XML element, which is opaque to the
// store.
//
// With a folder to keep them in, properties survive a restart and a crash: a
// method that changes something returns when the change is on disk. All
// methods may be called at the same time.
package propstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"sync"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// ErrFull means that the properties would exceed the limit of the store or of
// one resource (507).
var ErrFull = errors.New("too many properties")

// Limits of a Store unless Options say otherwise, in bytes of names, values
// and paths.
const (
	DefaultMaxBytes    = 16 << 20
	DefaultMaxResource = 256 << 10
)

// overhead is what a property or path counts in addition to its own bytes.
const overhead = 64

// Options of a Store; the zero value is ready for use.
type Options struct {
	MaxBytes    int // of all resources; 0: DefaultMaxBytes
	MaxResource int // of one resource; 0: DefaultMaxResource

	// Engine, if not nil, keeps the properties in a log that gateways share, and
	// not in a folder.
	Engine cluster.Engine
}

// A Store holds the properties of one tree of paths. A method that changes it
// proposes the change to the log, which orders changes; limits are checked
// against the current state, so concurrent changes may exceed them.
type Store struct {
	opts Options
	log  cluster.Log[change]

	mu    sync.RWMutex // guards what follows; written only by Apply
	tree  pathtree.Tree[map[string]string]
	bytes int
}

// Open returns the store kept in the folder dir, or an empty one in memory if
// dir is "".
func Open(dir string, opts Options) (*Store, error) {
	opts.MaxBytes = cmp.Or(opts.MaxBytes, DefaultMaxBytes)
	opts.MaxResource = cmp.Or(opts.MaxResource, DefaultMaxResource)
	s := &Store{opts: opts}
	config := journal.Config[change]{Format: "davdisk properties 2", Machine: machine{s}}
	engine := opts.Engine
	if engine == nil {
		engine = cluster.Lone(dir)
		if dir != "" {
			config.Import = journal.EarlierLog(filepath.Join(dir, "properties"), "davdisk properties 1", func(record []byte) (c change, err error) {
				err = json.Unmarshal(record, &c)
				return c, err
			})
		}
	}
	log, err := cluster.Open(engine, "properties", config)
	if err != nil {
		return nil, err
	}
	s.log = log
	return s, nil
}

// Close closes the store's file; the properties stay in it.
func (s *Store) Close() error { return s.log.Close() }

// Get returns a copy of a resource's properties, nil if it has none.
func (s *Store) Get(name string) map[string]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	props, _ := s.tree.Get(name)
	return maps.Clone(props)
}

// Set sets and removes properties of one resource: all of it or, on an error,
// nothing. Removing what is not there is no error (section 14.23).
func (s *Store) Set(name string, set map[string]string, remove []string) error {
	return s.propose(s.Setting(name, set, remove))
}

// Setting is Set to be proposed together with other changes. Like Deleting,
// Moving and Copying it returns nothing if nothing changes.
func (s *Store) Setting(name string, set map[string]string, remove []string) ([]cluster.Part, error) {
	name = pathtree.Clean(name)
	changes, err := s.mayPatch(name, set, remove)
	if !changes || err != nil {
		return nil, err
	}
	return s.part(change{Op: opPatch, Path: name, Props: set, Remove: remove}), nil
}

// mayPatch reports whether a patch changes anything, and fails with ErrFull.
func (s *Store) mayPatch(name string, set map[string]string, remove []string) (changes bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	old, _ := s.tree.Get(name)
	props := patched(old, set, remove)
	grown := weigh(name, props) - weigh(name, old)
	if grown > 0 && (weigh("", props) > s.opts.MaxResource || s.bytes+grown > s.opts.MaxBytes) {
		return false, ErrFull
	}
	return !maps.Equal(props, old), nil
}

func patched(old, set map[string]string, remove []string) map[string]string {
	props := maps.Clone(old)
	if props == nil {
		props = map[string]string{}
	}
	for _, key := range remove {
		delete(props, key)
	}
	maps.Copy(props, set)
	return props
}

// Delete removes the properties of a resource and of everything below it.
func (s *Store) Delete(name string) error { return s.propose(s.Deleting(name), nil) }

// Deleting is Delete to be proposed together with other changes.
func (s *Store) Deleting(name string) []cluster.Part {
	if !s.any(name) {
		return nil
	}
	return s.part(change{Op: opDelete, Path: pathtree.Clean(name)})
}

// Moving moves the properties of a resource and everything below it to
// another path, replacing those there.
func (s *Store) Moving(from, to string) ([]cluster.Part, error) {
	from, to = pathtree.Clean(from), pathtree.Clean(to)
	if from == to || !s.any(from) && !s.any(to) {
		return nil, nil
	}
	if nested(from, to) {
		return nil, fmt.Errorf("move properties of %q to %q: one is within the other", from, to)
	}
	return s.part(change{Op: opMove, Path: from, To: to}), nil
}

// Copying copies the properties of a resource, and of everything below it if
// tree is set, to another path, replacing those there. It fails with ErrFull.
func (s *Store) Copying(from, to string, tree bool) ([]cluster.Part, error) {
	from, to = pathtree.Clean(from), pathtree.Clean(to)
	if from == to || !s.any(from) && !s.any(to) {
		return nil, nil
	}
	if nested(from, to) {
		return nil, fmt.Errorf("copy properties of %q to %q: one is within the other", from, to)
	}
	if !s.mayCopy(from, to, tree) {
		return nil, ErrFull
	}
	return s.part(change{Op: opCopy, Path: from, To: to, Tree: tree}), nil
}

func (s *Store) mayCopy(from, to string, tree bool) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var grown int
	for at, props := range s.tree.Below(from) {
		if tree || at == from {
			grown += weigh(to+at[len(from):], props)
		}
	}
	for at, props := range s.tree.Below(to) {
		grown -= weigh(at, props)
	}
	return grown <= 0 || s.bytes+grown <= s.opts.MaxBytes
}

// any reports whether there are properties at a path or below it.
func (s *Store) any(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for range s.tree.Below(name) {
		return true
	}
	return false
}

// change is one change of the store, as the journal keeps it.
type change struct {
	Op     string            `json:"op"`
	Path   string            `json:"path"`
	To     string            `json:"to,omitempty"`
	Tree   bool              `json:"tree,omitempty"`
	Props  map[string]string `json:"props,omitempty"`
	Remove []string          `json:"remove,omitempty"`
}

const (
	opPatch  = "patch"
	opSet    = "set" // all properties of a resource, in a snapshot
	opDelete = "delete"
	opMove   = "move"
	opCopy   = "copy"
)

func (s *Store) part(c change) []cluster.Part {
	return []cluster.Part{s.log.Part(c, journal.Options{})}
}

// propose appends a change to the log and applies it.
func (s *Store) propose(parts []cluster.Part, err error) error {
	if len(parts) == 0 || err != nil {
		return err
	}
	ctx := context.Background()
	seq, err := cluster.ProposeAll(ctx, parts...)
	if err == nil {
		err = s.log.AppliedByAll(ctx, seq)
	}
	if err != nil {
		return fmt.Errorf("keep the properties: %w", err)
	}
	return nil
}

// machine is the store as its log sees it.
type machine struct{ *Store }

// Apply implements journal.Machine.
func (m machine) Apply(c change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.apply(c)
}

// Reset implements cluster.Resetter.
func (m machine) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tree, m.bytes = pathtree.Tree[map[string]string]{}, 0
}

// Snapshot implements journal.Machine.
func (m machine) Snapshot() iter.Seq[change] {
	return func(yield func(change) bool) {
		for at, props := range m.tree.Below("/") {
			if !yield(change{Op: opSet, Path: at, Props: props}) {
				return
			}
		}
	}
}

func (s *Store) apply(c change) error {
	switch c.Op {
	case opPatch:
		old, _ := s.tree.Get(c.Path)
		s.put(c.Path, patched(old, c.Props, c.Remove))
	case opSet:
		s.put(c.Path, c.Props)
	case opDelete:
		s.cut(c.Path)
	case opMove:
		s.cut(c.To)
		for at, props := range s.cut(c.Path).Below("/") {
			s.put(pathtree.Clean(c.To+at), props)
		}
	case opCopy:
		s.cut(c.To)
		copied := map[string]map[string]string{}
		for at, props := range s.tree.Below(c.Path) {
			if c.Tree || at == c.Path {
				copied[pathtree.Clean(c.To+at[len(c.Path):])] = props
			}
		}
		for at, props := range copied {
			s.put(at, props)
		}
	default:
		return fmt.Errorf("%w: change %q", journal.ErrEntry, c.Op)
	}
	return nil
}

// put sets the properties of a path. The map must not be changed afterwards.
func (s *Store) put(name string, props map[string]string) {
	old, _ := s.tree.Get(name)
	s.bytes += weigh(name, props) - weigh(name, old)
	if len(props) == 0 {
		s.tree.Delete(name)
	} else {
		s.tree.Set(name, props)
	}
}

func (s *Store) cut(name string) *pathtree.Tree[map[string]string] {
	for at, props := range s.tree.Below(name) {
		s.bytes -= weigh(at, props)
	}
	return s.tree.Cut(name)
}

func weigh(name string, props map[string]string) int {
	if len(props) == 0 {
		return 0
	}
	n := len(name) + overhead
	for key, value := range props {
		n += len(key) + len(value) + overhead
	}
	return n
}

// nested reports whether one clean path is the other's ancestor.
func nested(a, b string) bool { return pathtree.Within(a, b) || pathtree.Within(b, a) }
