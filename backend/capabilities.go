package backend

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A Declarer is a store that lacks something of the contract and says so. A
// store that is none claims the whole contract, which is what the zero
// Capabilities say.
//
// A wrapper with a method Unwrap passes the declaration on by that. One without
// it, because it refuses or renames, must be a Declarer: it begins with
// [CapabilitiesOf] what it wraps and changes what it changes.
type Declarer interface {
	// Capabilities makes no calls and always returns the same. A driver that
	// has to ask its server does so when it is opened, and declares as lacking
	// what it could not find out.
	Capabilities() Capabilities
}

// Capabilities are what the seven methods cannot show before it is too late.
// Package backendtest shows that a declaration is true, in both directions: the
// store has what it does not declare as lacking, and lacks what it does.
//
// Each of the first fields is empty if the store has the capability, else the
// reason why it lacks it: one clause for people, without a capital and a full
// stop ("the server cannot rename over a file").
type Capabilities struct {
	// NoConditionalPut: Put cannot have its conditions checked in the same
	// step as it stores. It checks IfAbsent and IfVersion itself, as late as it
	// can, and overwrites what another client stores after that.
	//
	// A store that has it lets exactly one of several writers with the same
	// condition win, whatever client they use.
	NoConditionalPut string

	// NoAtomicOverwrite: while Put replaces a file, or Move with Overwrite
	// does, others may find a part of it or nothing; if it fails then, the old
	// content is lost. Such a store is served read-only, unless its owner
	// accepts that.
	//
	// A store that has it shows the old content or the new one, whole, at all
	// times, also if the driver or the server is killed.
	NoAtomicOverwrite string

	// NoEmptyFolders: a folder exists only while something is in it. Mkdir
	// checks the name and returns nil, and the folder is not there until
	// something is stored in it; Put, Move and Copy make the folders above
	// their target; a folder is gone with the last of its content.
	NoEmptyFolders string

	// NoAtomicMove: Move has several steps (copies and deletions, say). While
	// it runs others may find both names, or a part of a folder under each; if
	// it is killed that stays. No content is ever under neither name.
	//
	// In a store that has it, what is moved is at any time under exactly one of
	// the names, whole.
	NoAtomicMove string

	// FinishesMoves: once begun, a Move that is not atomic is completed by the store,
	// even if the driver is killed; until then the store refuses to move the source or
	// the target.
	FinishesMoves bool

	// Names are the names that the store holds; the zero value holds what
	// package backendtest tries: every valid name of up to 255 bytes.
	Names Names
}

// Names are the names that a store holds. Put, Mkdir, Move and Copy refuse to
// create any other with fs.ErrInvalid; to Stat, List, Open and Remove it is
// fs.ErrInvalid or fs.ErrNotExist. Nothing is ever stored under another name
// than the one that was given.
type Names struct {
	MaxBytes   int      // the longest base name in bytes; 0: not known, and 255 at least
	MaxPath    int      // the longest whole name in bytes, from the root of the backend; 0: not known, and 1000 at least
	Forbidden  string   // characters that no base name may contain
	Refused    []string // patterns, as path.Match takes them, of base names that are refused: ".~davdisk-*", "*."
	IgnoreCase bool     // names that differ in case alone are one name
	IgnoreForm bool     // names that differ in their Unicode form (NFC, NFD) alone are one name
	Why        string   // the reason for all that, one clause for people; required if a field above is set
}

// CapabilitiesOf returns what b declares; if it declares nothing, the zero
// value: it claims the whole contract.
func CapabilitiesOf(b Backend) Capabilities {
	if d, ok := As[Declarer](b); ok {
		return d.Capabilities()
	}
	return Capabilities{}
}

// Check refuses a name that the store does not hold. The error is a
// [*fs.PathError] with fs.ErrInvalid, which says what is wrong with the name. It
// does not do the work of [CheckName], which comes first.
func (n Names) Check(op, name string) error {
	if n.MaxPath > 0 && len(name) > n.MaxPath {
		return PathError(op, name, fs.ErrInvalid, fmt.Sprintf("the store holds paths of up to %d bytes, this one has %d", n.MaxPath, len(name)))
	}
	for base := range strings.SplitSeq(name, "/") {
		if message := n.refusal(base); message != "" && name != "." {
			return PathError(op, name, fs.ErrInvalid, message)
		}
	}
	return nil
}

// refusal says why the store does not hold a base name, or nothing if it does.
func (n Names) refusal(base string) string {
	if n.MaxBytes > 0 && len(base) > n.MaxBytes {
		return fmt.Sprintf("the store holds names of up to %d bytes, %q has %d", n.MaxBytes, base, len(base))
	}
	if at := strings.IndexAny(base, n.Forbidden); at >= 0 {
		return fmt.Sprintf("the store holds no name with %q in it: %s", []rune(base[at:])[0], n.Why)
	}
	for _, pattern := range n.Refused {
		if match, err := path.Match(pattern, base); match || err != nil {
			return fmt.Sprintf("the store holds no name like %q: %s", pattern, n.Why)
		}
	}
	return ""
}
