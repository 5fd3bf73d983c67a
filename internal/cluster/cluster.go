// Package cluster keeps states that several gateways of one share have in
// common: who holds which lock, what properties a file has.
//
// Each state is a [journal.Machine], which changes by entries alone. An [Engine]
// puts the entries of all machines of all gateways into one order, and each
// gateway applies them in that order, so that all have the same states. Whether
// a lock is granted is decided when its entry is applied, and therefore
// everywhere alike:
//
//	engine := cluster.Lone(dir) // or one that gateways share
//	log, err := cluster.Open(engine, "locks", journal.Config[change]{…})
//	member, err := engine.Join(ctx) // once all machines are open
//	seq, err := log.Propose(ctx, change{…}, journal.Options{})
//	err = log.AppliedByAll(ctx, seq)
//
// A gateway that has joined is a [Member] until it is expelled, because it has
// not been heard of for the time of a lease. It notices before the others do
// ([Member.Lost]) and stops to answer from what it remembers. What it had
// proposed and arrives later is refused: the log is ordered, and each entry has
// the epoch of the membership it was proposed in, a fencing number.
//
// [Lone] is the engine of a single gateway: a journal for each machine.
// Package etcd is one that gateways share.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
)

// Errors of an engine; test for them with errors.Is. Errors of a context and of
// Apply are returned as they are.
var (
	// ErrNotJoined means that the engine's Join was not called yet.
	ErrNotJoined = fmt.Errorf("this gateway has not joined the others: %w", fs.ErrInvalid)
	// ErrExpelled means that the membership has ended. The entry has changed
	// nothing. Join begins another one.
	ErrExpelled = fmt.Errorf("this gateway is no longer a member of its cluster: %w", fs.ErrClosed)
	// ErrUnavailable means that the engine could not be reached in time, and
	// that nothing was sent that it may still carry out.
	ErrUnavailable = errors.New("the log that the gateways share cannot be reached")
	// ErrUnknownOutcome means that the entry was sent and may be applied at any
	// time, until one is applied that this gateway has proposed since. The same
	// entry must not be proposed again as if it had failed.
	ErrUnknownOutcome = errors.New("the log that the gateways share did not answer in time, and may still carry out the change")
	// ErrOtherLog means that the engine has not the data that this gateway has
	// worked with, but none or that of another life. It is made anew on
	// purpose only.
	ErrOtherLog = errors.New("the log that the gateways share is not the one that this gateway knows")
	// ErrFormat means that another gateway uses entries that this version of
	// the program does not know, or the other way round.
	ErrFormat = errors.New("the gateways are of versions that do not go together")
	// ErrTooLarge means that an entry is larger than MaxEntry.
	ErrTooLarge = fmt.Errorf("the entry is too large for a log that gateways share: %w", fs.ErrInvalid)
)

// MaxEntry is the size in bytes that an entry of a shared log may have, encoded
// and with all its parts.
const MaxEntry = 256 << 10

// An Engine orders the entries of all machines of a share. It is safe for
// concurrent use. Machines are opened on it by Open.
type Engine interface {
	// Attach is what Open does on an engine that gateways share. All machines
	// are attached before the first Join.
	Attach(name, format string, s State) (Shared, error)
	// Join makes this gateway a member and returns when all machines have
	// applied what was acknowledged to anybody before. After the membership was
	// lost it is called again, on the same machines.
	Join(ctx context.Context) (Member, error)
	// Applied is the number of the last entry that was applied here, without asking
	// anybody; 0 if there is none.
	Applied() uint64
	// Status describes the engine. What could not be asked in time is missing,
	// and said by the error.
	Status(ctx context.Context) (Status, error)
	// Close ends the membership, so that the others need not wait for the end
	// of its lease, and waits for everything the engine has started.
	Close() error
}

// A Member is one membership of this gateway.
type Member interface {
	// Gateway is the name of this gateway among the others, which it keeps when
	// it is started again.
	Gateway() string
	// Epoch is the fencing number: later memberships, of whatever gateway, have
	// larger ones.
	Epoch() uint64
	// Remaining is how long the membership certainly lasts if nothing more is
	// heard of the engine. From zero on nothing may be answered from what this
	// gateway remembers. Time in which the machine was suspended counts.
	Remaining() time.Duration
	// Lost is closed when the membership has ended, or when Remaining is zero:
	// in either case before another gateway acts on it. A machine that was
	// suspended may run for a moment before it is closed; Remaining is exact.
	Lost() <-chan struct{}
}

// A Log is the log of one machine. Entries of one Log are applied in their
// order, and on a shared engine those of all machines are.
type Log[E any] interface {
	journal.Log[E]
	// Part returns an entry of this log for ProposeAll.
	Part(entry E, opts journal.Options) Part
	// AppliedByAll returns when each member that was one at the entry seq has
	// applied it, or was expelled.
	AppliedByAll(ctx context.Context, seq uint64) error
	// Barrier returns when everything is applied here that was acknowledged to
	// anybody, at any gateway, before the call. It adds no entry.
	Barrier(ctx context.Context) error
}

// A machine that implements Expeller on an engine that gateways share is told, in
// the order of the log, that a membership has ended; whatever of it is still in
// the machine will never be changed by that member again. Expelled changes the
// state as Apply does, and must be deterministic as well. It is not called for
// the member that a lone gateway is.
type Expeller interface {
	Expelled(gateway string, epoch uint64)
}

// A machine on an engine that gateways share implements Resetter: a gateway that
// was away for long gets a snapshot, which is applied to an empty machine.
type Resetter interface {
	// Reset makes the machine as empty as it was when it was opened.
	Reset()
}

// Status describes an engine.
type Status struct {
	Engine   string         // what it is, for people
	Identity string         // of its data; empty for a lone gateway
	Seq      uint64         // of the last entry applied here
	Entries  int            // in the log since its last snapshot
	Bytes    int64          // of the engine's data, on its largest node
	Members  []MemberStatus // in the order in which they joined
	Unsafe   []string       // settings with which its promises cannot be kept, for people
}

// MemberStatus describes a member.
type MemberStatus struct {
	Gateway string
	Epoch   uint64
	Beat    time.Duration // since it was last heard of here
	Applied uint64        // the last entry that it is known to have applied
	Self    bool
}
