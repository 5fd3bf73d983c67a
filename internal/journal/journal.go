// Package journal keeps a small state on disk as a log of changes.
//
// The state is a [Machine]: it changes only by entries, which are proposed to
// a [Log]. An entry is first appended to the log and then applied, so that
// acknowledged changes survive a crash:
//
//	log, err := journal.Open(path, journal.Config[change]{Format: "locks 2", Machine: table})
//	_, err = log.Propose(ctx, change{…}, journal.Options{}) // on disk, then applied
//
// A [Journal] is a Log in one file; one process at a time has it open. A [Map]
// is a map kept that way. A service that orders the entries of several processes
// can be another Log for the same machines, because they depend on nothing but
// the entries.
//
// # The file
//
// A journal is a file of lines. Each is a checksum, a blank and a payload
// without newlines; the checksum (CRC-32C, eight hexadecimal digits) covers the
// payload and everything before it, so that a line that is missing, repeated or
// out of place is damage too. The first line is a header, which names the
// versions of the layout and of the entries. After it come the entries that made
// up the state when the file was written, a line "-", and the entries appended
// since. A file that has outgrown what the state needs is replaced in one step
// by a new one.
//
// # Damage
//
// A torn line at the end was being written in a crash, was never acknowledged,
// and is dropped. Everything else that cannot be read is a [DamageError] with
// the file and the offset; nothing is skipped and nothing is changed. A file
// truncated at the end of an entry is indistinguishable from one to which the
// later entries were never written.
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// Errors of this package; test for them with errors.Is.
var (
	// ErrLocked means that another process, or another Journal of this one, has
	// the file open.
	ErrLocked = errors.New("the journal is in use by another process")
	// ErrEntry means that the machine does not know an entry.
	ErrEntry = errors.New("unknown entry")
)

// errPanicked is what the proposals of a batch get that was left by a panic.
var errPanicked = errors.New("the journal stopped in the middle of a change")

// A Machine is a state that changes by entries alone. Its methods are called
// one at a time by its Log; other readers of the state need a lock of their own
// against Apply.
type Machine[E any] interface {
	// Apply changes the state by one entry. It must be deterministic: equal
	// entries in equal order make equal states, whatever the time and the
	// options of the process. An error means that the entry was refused and has
	// changed nothing; the same entry is refused again after a restart. An
	// unknown entry is refused with ErrEntry. The entry's data must not be
	// modified afterwards.
	Apply(entry E) error
	// Snapshot yields entries that recreate the current state from an empty
	// one. None of them may be refused.
	Snapshot() iter.Seq[E]
}

// A Log orders entries and applies them to a machine. It is safe for concurrent
// use.
type Log[E any] interface {
	// Propose appends an entry and applies it. When it returns without error
	// the entry is durable, unless Options say otherwise, and applied as the
	// entry number seq, which only grows. An error of Apply is returned as it
	// is. After any other error a Journal has not applied the entry; another
	// Log may still apply it, and says so by an error of its own. The context
	// is honored until the entry is handed to the disk.
	Propose(ctx context.Context, entry E, opts Options) (seq uint64, err error)
	// Close releases the log. Nothing that was acknowledged depends on it.
	Close() error
}

// Options are options of Propose.
type Options struct {
	// Volatile is for an entry that may be lost in a crash, because the state
	// is correct without it: it is not synced. If the disk fails it is applied
	// all the same, and written as soon as possible.
	Volatile bool
	// Unawaited is for an entry of a log that gateways share of which the caller does
	// not wait for all to have applied it. It costs fewer messages among them, and who
	// waits for it all the same waits longer.
	Unawaited bool
}

// Config configures a journal.
type Config[E any] struct {
	// Format names the kind of entries and their version, as in "locks 2". A
	// file of another format is refused.
	Format string
	// Machine is the state, empty.
	Machine Machine[E]
	// Transient, if not nil, reports whether an entry ends with the process
	// that proposed it, as a reservation for a request does. A Journal applies
	// such an entry in its order among the others and never writes it, neither
	// when it is proposed nor as part of a snapshot; a log that several
	// processes share carries it like any other.
	Transient func(entry E) bool
	// Import, if not nil, imports the state of an earlier version of the
	// program. If there is any, it applies the entries, calls keep, which makes
	// the state durable, and removes the old files. It must be idempotent,
	// because a crash may come before the removal.
	Import func(apply func(E) error, keep func() error) error
}

// A Journal is a Log in a file.
type Journal[E any] struct {
	path    string // empty: in memory only
	format  string
	machine Machine[E]
	passing func(E) bool // Config.Transient
	lock    *flock.Flock

	nextMu sync.Mutex
	next   *batch[E] // nil until there is a proposal for it

	// mu is held while a batch is written, synced and applied, and guards what
	// follows. Proposals that arrive meanwhile make up the next batch and share
	// its sync.
	mu     sync.Mutex
	closed bool
	seq    uint64   // of the last entry
	file   *os.File // nil until there is something to write
	opened fs.FileInfo
	size   int64  // bytes of the file that are valid
	sum    uint32 // checksum of its last line
	limit  int64  // size at which it is rewritten
	behind bool   // the file is to be rewritten before anything else
	sync   func(*os.File) error
}

// A batch is what is written and synced together. Whoever proposes its first
// entry commits it. The others wait for done and not for Journal.mu, which the
// next batch may take before them and hold for a sync of its own.
type batch[E any] struct {
	proposals []*proposal[E]
	done      chan struct{} // closed when the proposals are committed, or failed
}

// proposal is a proposed entry. seq and err are set before its batch is done.
type proposal[E any] struct {
	entry    E
	payload  []byte
	volatile bool
	passing  bool // it has no payload and is not written

	seq uint64
	err error
}

// Open reads the journal at path, creating its folder if necessary, and applies
// its entries to the machine. The file is created with the first entry. With an
// empty path the journal is in memory only.
func Open[E any](path string, c Config[E]) (*Journal[E], error) {
	j := &Journal[E]{path: path, format: c.Format, machine: c.Machine, passing: c.Transient, sync: (*os.File).Sync}
	if j.passing == nil {
		j.passing = func(E) bool { return false }
	}
	if path == "" {
		return j, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open the journal %s: %w", path, err)
	}
	j.lock = flock.New(path+".lock", flock.SetPermissions(0o600))
	if got, err := j.lock.TryLock(); err != nil {
		return nil, fmt.Errorf("lock the journal %s: %w", path, err)
	} else if !got {
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	}
	err := j.load()
	if err == nil && c.Import != nil {
		err = c.Import(j.machine.Apply, j.rewrite)
	}
	if err != nil {
		return nil, errors.Join(err, j.closeFile(), j.lock.Close())
	}
	return j, nil
}

// Propose implements Log.
func (j *Journal[E]) Propose(ctx context.Context, entry E, opts Options) (seq uint64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p := &proposal[E]{entry: entry, volatile: opts.Volatile, passing: j.passing(entry), err: errPanicked}
	if j.path != "" && !p.passing {
		if p.payload, err = json.Marshal(entry); err != nil {
			return 0, err
		}
	}
	batch, first := j.join(p)
	if !first {
		<-batch.done
		return p.seq, p.err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	defer close(batch.done) // also if the machine panics
	j.nextMu.Lock()
	j.next = nil
	j.nextMu.Unlock()
	j.commit(batch.proposals)
	return p.seq, p.err
}

// join adds a proposal to the next batch, and reports whether it is the first.
func (j *Journal[E]) join(p *proposal[E]) (b *batch[E], first bool) {
	j.nextMu.Lock()
	defer j.nextMu.Unlock()
	if first = j.next == nil; first {
		j.next = &batch[E]{done: make(chan struct{})}
	}
	j.next.proposals = append(j.next.proposals, p)
	return j.next, first
}

// commit writes proposals and applies them.
func (j *Journal[E]) commit(proposals []*proposal[E]) {
	var err error
	switch {
	case j.closed:
		err = fs.ErrClosed
	case j.path != "":
		err = j.write(proposals)
	}
	if err != nil {
		err = fmt.Errorf("write the journal %s: %w", j.path, err)
	}
	for _, p := range proposals {
		if err != nil && (!p.volatile && !p.passing || j.closed) {
			p.err = err
			continue
		}
		j.seq++
		p.seq = j.seq
		p.err = j.machine.Apply(p.entry)
	}
}

// Close implements Log. A journal whose state is empty leaves no file.
func (j *Journal[E]) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	if j.path == "" {
		return nil
	}
	var err error
	empty := j.empty()
	if j.behind && !empty {
		err = j.rewrite()
	}
	err = errors.Join(err, j.closeFile())
	if empty {
		if gone := os.Remove(j.path); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return errors.Join(err, j.lock.Close())
}

func (j *Journal[E]) empty() bool {
	for range j.lasting() {
		return false
	}
	return true
}

// lasting yields the entries of the machine's snapshot that are written.
func (j *Journal[E]) lasting() iter.Seq[E] {
	return func(yield func(E) bool) {
		for entry := range j.machine.Snapshot() {
			if !j.passing(entry) && !yield(entry) {
				return
			}
		}
	}
}
