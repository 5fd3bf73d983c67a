package replica

import (
	"context"
	"errors"
)

// ErrSuperseded means that there is a later snapshot.
var ErrSuperseded = errors.New("there is a later snapshot")

// ErrTaken means that another process has used the key of an entry.
var ErrTaken = errors.New("there is another entry in its place")

// A Store keeps one ordered log for all gateways of a share, and a snapshot of
// the state at an entry of it. Its methods are safe for concurrent use, and try
// again until the context ends.
//
// Errors of a store are those of package cluster: ErrUnavailable if nothing was
// sent that may still take effect, else ErrUnknownOutcome; ErrOtherLog if the
// data is not that of the identity it has told.
type Store interface {
	// Identity asks what the data is known by. If accept agrees, the store works
	// with that data alone from then on; else the error is that of accept. It is
	// cluster.ErrOtherLog where there is none.
	Identity(ctx context.Context, accept func(Identity) error) error
	// Append adds an entry to the end of the log, unless it is there with this key,
	// and returns its number. Numbers grow, with gaps. It must be durable. It is
	// ErrTaken if the key has other data, and nothing is added.
	Append(ctx context.Context, key string, data []byte) (seq uint64, err error)
	// Last returns the number of the last entry that was acknowledged to
	// anybody before the call, or a later one.
	Last(ctx context.Context) (seq uint64, err error)
	// Follow calls f with each entry from number after on, that one included, in
	// their order, with reports, and with what was trimmed, as they come. It ends
	// with its context, with an error of f, or when it may have missed something or
	// the data may be another, as after each break of a connection; it is then
	// called again. Where entries from that number on were trimmed, f gets a
	// snapshot first, and then all entries that are left.
	Follow(ctx context.Context, after uint64, f func(Event) error) error
	// Report tells all that the member of an epoch has applied an entry.
	Report(ctx context.Context, epoch, seq uint64) error
	// Save replaces the snapshot in one step, then removes the entries with
	// these keys, and the reports of epochs before it that are not live. If there
	// is a later one, or one of the same entry, it changes nothing and returns
	// ErrSuperseded.
	Save(ctx context.Context, snapshot Snapshot, trim []string, live []uint64) error
	// Info describes the store, with Members and what the log knows left out.
	Info(ctx context.Context) (Info, error)
	// Close ends all calls and waits for them.
	Close() error
}

// An Identity is what the data of a store is known by.
type Identity struct {
	ID       string // random
	Replaces string // ID of data that is gone, if any
}

// A Snapshot is the state after an entry.
type Snapshot struct {
	Seq     uint64
	Trimmed uint64 // the entries before this one are removed, or will be
	Data    []byte
}

// Info is what a store knows of itself.
type Info struct {
	Engine string
	Bytes  int64
	Unsafe []string
}

// An Event is one of its fields that are set.
type Event struct {
	Entry    *Entry
	Report   *Report
	Snapshot *Snapshot
	Trimmed  string // key of an entry
}

// An Entry is an entry of the log.
type Entry struct {
	Seq  uint64
	Key  string
	Data []byte
}

// A Report says how far a member is.
type Report struct{ Epoch, Seq uint64 }
