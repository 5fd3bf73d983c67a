// Package lock keeps the write locks of a WebDAV server: RFC 4918, sections 6
// and 7.
//
// A Table knows paths, not files. Locks are exclusive or shared, cover one path
// or a whole tree, expire, never move, and are identified by unguessable
// "urn:uuid:" tokens (section 6.5). Paths are absolute and slash-separated;
// they are cleaned on entry, so "/a" and "/a/" are one path.
//
// A lock on a name that does not exist makes a placeholder: an empty resource
// that exists in the table only, until a PUT stores it or the last lock on it
// ends (section 7.3 requires an empty resource; none is created in the store).
// Like any resource it is moved or copied along with a folder above it, and
// keeps its entity tag: the client that locked the name may write to its new
// path on condition of that tag. Its locks do not move, so it is then kept
// without one.
//
// With a folder to keep them in, locks survive a restart and a crash: Create,
// Refresh and Unlock return when the change is on disk. All methods may be
// called at the same time.
package lock

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Errors of a Table; test for them with errors.Is.
var (
	// ErrTooMany means that the table is full, or has no more room for that user
	// (507).
	ErrTooMany = errors.New("too many locks")
	// ErrNoLock means that no lock with that token covers that path: 409 with
	// lock-token-matches-request-uri for UNLOCK, 412 for a refresh.
	ErrNoLock = errors.New("no such lock here")
	// ErrNotOwner means that the lock belongs to another principal (403,
	// section 6.4).
	ErrNotOwner = errors.New("lock belongs to another user")
)

// A ConflictError lists the locks that conflict with a new lock or with a
// change (423). For a new lock the precondition is no-conflicting-lock, for a
// change lock-token-submitted.
type ConflictError struct {
	Roots []string // paths of the locks' roots, sorted, each once
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("locked by %s", strings.Join(e.Roots, ", "))
}

// A Lock is a copy of one lock of the table.
type Lock struct {
	Token     string        // "urn:uuid:…"
	Root      string        // the path that was locked
	Infinite  bool          // covers everything below Root too
	Shared    bool          // else exclusive
	Owner     string        // the owner element, whole, as davxml made it; may be empty
	Principal string        // who made it; "" without authentication
	Timeout   time.Duration // as granted
	Expires   time.Time

	// stamp is the Expires of the change, by the clock of whoever proposed it, if
	// several gateways share the table.
	stamp time.Time
}

// logged returns a lock as all gateways know it. Its expiry may be by the clock
// of another, and only tells it from the same lock before a refresh.
func (l Lock) logged() Lock {
	if !l.stamp.IsZero() {
		l.Expires, l.stamp = l.stamp, time.Time{}
	}
	return l
}

// Remaining returns the remaining time of the lock in whole seconds, never
// less than one: zero would read as "no lock".
func (l Lock) Remaining(now time.Time) time.Duration {
	return max(l.Expires.Sub(now).Round(time.Second), time.Second)
}

// A Placeholder is a resource that exists only because its name is locked:
// empty, with a time of creation and an entity tag of its own.
type Placeholder struct {
	Created time.Time
	ETag    string // quoted, strong
	// Until is when a placeholder that was moved or copied ends; the zero time
	// if it lives as long as its locks.
	Until time.Time `json:",omitzero"`
	// Principal is the user who moved or copied it.
	Principal string `json:",omitempty"`

	stamp time.Time // the Until of the change, as that of a Lock
}

// logged returns a placeholder as all gateways know it.
func (p *Placeholder) logged() *Placeholder {
	if p == nil || p.stamp.IsZero() {
		return p
	}
	logged := *p
	logged.Until, logged.stamp = p.stamp, time.Time{}
	return &logged
}

// movedLifetime is how long a placeholder is kept that was moved or copied. davfs2
// may upload other files for hours before this one.
const movedLifetime = 24 * time.Hour

// A Request asks for a lock.
type Request struct {
	Root      string
	Infinite  bool
	Shared    bool
	Owner     string
	Principal string
	Timeout   time.Duration // 0: the maximum of the table, which also limits longer ones
	Missing   bool          // Root does not exist: create a placeholder
}

// newToken returns a lock token: a random UUID (RFC 4122, section 4.4) as a URN.
func newToken(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

func newETag(random io.Reader) (string, error) {
	var b [12]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return `"empty-` + hex.EncodeToString(b[:]) + `"`, nil
}
