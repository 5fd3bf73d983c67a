package conformance

import (
	"fmt"
	"slices"
)

// A Capability is something that some stores lack and that an author may
// therefore declare missing, with Refuses or Ignores. What every store can
// have, such as paging, io.EOF or the right kinds of error, is not one.
type Capability int

// The capabilities. A file system is assumed to have all of them.
const (
	Writes        Capability = iota + 1 // anything changes at all; see ReadOnly
	Chmod                               // Chmod succeeds
	Modes                               // permission bits are kept, from creation and from Chmod
	Chown                               // Chown succeeds
	Chtimes                             // the modification time of a file can be set
	DirTimes                            // the modification time of a directory can be set
	DirUpdates                          // it advances when an entry comes or goes
	Append                              // O_APPEND
	WriteAt                             // writing at an offset, or after Seek
	Truncate                            // File.Truncate
	Holes                               // writing or growing beyond the end, with zeros between
	ReadWrite                           // one handle that reads and writes
	Overwrite                           // new content for an existing file
	Excl                                // O_EXCL
	Rename                              // renaming a file to a free name
	RenameDir                           // renaming a directory with all in it
	RenameOver                          // renaming a file over another
	RenameOpen                          // renaming a file that is open
	RemoveOpen                          // removing or replacing a file that is open, which can then be read to its end
	SharedHandles                       // two handles on one file see one file
	EmptyDirs                           // a directory with nothing in it
	Sync                                // File.Sync
	SeekDir                             // Seek(0, io.SeekStart) rewinds a directory handle
	CaseSensitive                       // "a" and "A" are two names
	DistinctForms                       // two Unicode forms of one text are two names
	Symlink                             // symbolic links, if the Fs is an afero.Symlinker
	Concurrent                          // use by several goroutines at once
)

// A trait describes a capability.
type trait struct {
	name   string
	within Capability // the capability that this one requires
	words  words      // which declarations make sense
}

// words lists in which ways a capability can be missing. Ignoring a write would
// lose it, so most can only be refused; an effect that is not a call can only
// be ignored.
type words int

const (
	refusable words = 1 << iota
	ignorable
)

func traits() map[Capability]trait {
	return map[Capability]trait{
		Writes:        {"Writes", 0, 0}, // declared by ReadOnly alone, which says how to fill it
		Chmod:         {"Chmod", Writes, refusable | ignorable},
		Modes:         {"Modes", Writes, ignorable},
		Chown:         {"Chown", Writes, refusable | ignorable},
		Chtimes:       {"Chtimes", Writes, refusable | ignorable},
		DirTimes:      {"DirTimes", Chtimes, refusable | ignorable},
		DirUpdates:    {"DirUpdates", Writes, ignorable},
		Append:        {"Append", Writes, refusable},
		WriteAt:       {"WriteAt", Writes, refusable},
		Truncate:      {"Truncate", Writes, refusable},
		Holes:         {"Holes", Writes, refusable},
		ReadWrite:     {"ReadWrite", Writes, refusable},
		Overwrite:     {"Overwrite", Writes, refusable},
		Excl:          {"Excl", Writes, refusable | ignorable},
		Rename:        {"Rename", Writes, refusable},
		RenameDir:     {"RenameDir", Rename, refusable},
		RenameOver:    {"RenameOver", Rename, refusable},
		RenameOpen:    {"RenameOpen", Rename, refusable},
		RemoveOpen:    {"RemoveOpen", Writes, refusable},
		SharedHandles: {"SharedHandles", Writes, refusable | ignorable},
		EmptyDirs:     {"EmptyDirs", Writes, refusable | ignorable},
		Sync:          {"Sync", Writes, refusable | ignorable},
		SeekDir:       {"SeekDir", 0, refusable | ignorable},
		CaseSensitive: {"CaseSensitive", Writes, refusable | ignorable},
		DistinctForms: {"DistinctForms", Writes, refusable | ignorable},
		Symlink:       {"Symlink", Writes, refusable},
		Concurrent:    {"Concurrent", 0, refusable},
	}
}

// String returns the name of the constant.
func (c Capability) String() string {
	if tr, ok := traits()[c]; ok {
		return tr.name
	}
	return fmt.Sprintf("Capability(%d)", int(c))
}

// MarshalText implements encoding.TextMarshaler with the name, for JSON.
func (c Capability) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// caps makes tables readable.
func caps(list ...Capability) []Capability { return list }

// A Declaration states what a file system lacks.
type Declaration struct {
	Capability Capability `json:"capability"`
	Verdict    Verdict    `json:"verdict"` // Refused or Ignored
	Why        string     `json:"why"`
}

// declaration returns the declaration of a capability, or of one that it
// requires.
func (c *config) declaration(of Capability) (Declaration, bool) {
	for of != 0 {
		i := slices.IndexFunc(c.declared, func(d Declaration) bool { return d.Capability == of })
		if i >= 0 {
			return c.declared[i], true
		}
		of = traits()[of].within
	}
	return Declaration{}, false
}

// lacking returns the first declaration that keeps a case with these needs
// from being run.
func (c *config) lacking(needs []Capability) (Declaration, bool) {
	for _, need := range needs {
		if d, ok := c.declaration(need); ok {
			return d, true
		}
	}
	return Declaration{}, false
}
