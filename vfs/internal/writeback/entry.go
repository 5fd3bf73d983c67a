package writeback

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/davdisk/davdisk/internal/durable"
	"github.com/davdisk/davdisk/internal/journal"
)

// An Entry is a file that is still to be stored, as it is kept on disk.
type Entry struct {
	ID       string    `json:"id"` // in ascending order
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	Version  string    `json:"version"` // that the store will assign
	SHA256   string    `json:"sha256"`
	ModTime  time.Time `json:"mod_time,omitzero"` // set by the caller; zero: none
	Since    time.Time `json:"since"`             // when it was acknowledged
	Replaces []string  `json:"replaces"`          // versions, one of which the store has; "" is no file
	Growth   int64     `json:"growth"`            // size beyond that of what it replaces, in bytes
	Beside   string    `json:"beside,omitempty"`  // of one that is not going to be stored: its name after a conflict
	Renamed  string    `json:"renamed,omitempty"` // likewise, the ID that goes on under that name; ID is of this record only

	Trouble Trouble `json:"-"`
}

// Trouble describes the failed attempts to store an entry. It is in a file of
// its own, which may be lost.
type Trouble struct {
	Tries int       `json:"tries"`         // failed ones
	Error string    `json:"error"`         // of the last one
	Next  time.Time `json:"next,omitzero"` // when it is tried again
}

// The names of files in the folder of a queue.
const (
	entrySuffix   = ".entry"   // an Entry, in the format of a journal
	contentSuffix = ".content" // the bytes
	troubleSuffix = ".trouble" // a Trouble
	lockName      = "lock"
	idName        = "id"       // of the folder, where there are other gateways
	sendingSuffix = ".sending" // a sending, likewise
	removedSuffix = ".removed" // an Entry that is not going to be stored, likewise
)

// entryFormat is the journal format of the files of entries.
const entryFormat = "davdisk write-back 1"

// folder is the path of the folder of entries and contents.
type folder string

func (f folder) entry(id string) string   { return filepath.Join(string(f), id+entrySuffix) }
func (f folder) content(id string) string { return filepath.Join(string(f), id+contentSuffix) }
func (f folder) trouble(id string) string { return filepath.Join(string(f), id+troubleSuffix) }

// write writes an entry durably. That makes its content durable too: both are in
// the same folder, and the bytes have been synced before.
func (f folder) write(e Entry) error {
	return journal.WriteFile(f.entry(e.ID), entryFormat, e)
}

// removeEntry removes an entry durably. Its content may be removed at any time
// after.
func (f folder) removeEntry(id string) error {
	if err := os.Remove(f.entry(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(string(f))
}

// supersede removes an entry in whose place a later one of the same name is in the
// folder. That need not be durable: of two that are there, load takes the later.
func (f folder) supersede(id string) error {
	if err := os.Remove(f.entry(id)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// discard removes the files of a removed entry. Those that cannot be removed,
// such as an open file on Windows, are left to the next sweep.
func (f folder) discard(id string) {
	_ = os.Remove(f.content(id))
	_ = os.Remove(f.trouble(id))
	_ = os.Remove(f.sending(id))
}

// writeTrouble writes the trouble of an entry, for readers of the folder.
func (f folder) writeTrouble(e Entry) error {
	data, err := json.Marshal(e.Trouble)
	if err != nil {
		return err
	}
	return os.WriteFile(f.trouble(e.ID), data, 0o600)
}

// read returns all entries, oldest first.
func (f folder) read() ([]Entry, error) {
	files, err := os.ReadDir(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Entry
	for _, file := range files {
		id, ok := strings.CutSuffix(file.Name(), entrySuffix)
		if !ok {
			continue
		}
		e, err := f.readEntry(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // stored meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("%w; its content is beside it: move both away", err)
		}
		if data, err := os.ReadFile(f.trouble(id)); err == nil && json.Unmarshal(data, &e.Trouble) != nil {
			e.Trouble = Trouble{} // it is being written
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// readEntry reads one entry, in the current format or that of version 1 of the
// state folder.
func (f folder) readEntry(id string) (e Entry, err error) {
	path := f.entry(id)
	err = journal.ReadFile(path, entryFormat, &e)
	var damage *journal.DamageError
	if errors.As(err, &damage) {
		if data, err := os.ReadFile(path); err == nil {
			if e, ok := parseEarlier(data); ok && e.ID == id {
				return e, nil
			}
		}
	}
	if err == nil && (!e.valid() || e.ID != id) {
		err = &journal.DamageError{Path: path, Reason: "it is not an entry of this name"}
	}
	return e, err
}

func (e *Entry) valid() bool {
	return fs.ValidPath(e.Name) && e.Name != "." && e.Size >= 0 && len(e.Replaces) > 0 && len(e.SHA256) == 2*sha256.Size
}

// parseEarlier parses an entry of version 1: a checksum and one line.
func parseEarlier(line []byte) (e Entry, ok bool) {
	sum, data, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !ok || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(data)) || json.Unmarshal(data, &e) != nil {
		return Entry{}, false
	}
	return e, e.valid()
}

// load returns the entries of the previous run and removes what else it has
// left: entries that a later one of the same name has replaced, and contents
// that were never acknowledged. It fails if an acknowledged content is missing
// or damaged.
func (f folder) load() ([]Entry, error) {
	all, err := f.read()
	if err != nil {
		return nil, err
	}
	last := map[string]string{}
	for _, e := range all {
		last[e.Name] = e.ID
	}
	var entries []Entry
	for _, e := range all {
		if last[e.Name] != e.ID {
			if err := f.sendAfter(last[e.Name], e.ID); err != nil {
				return nil, err
			}
			if err := f.removeEntry(e.ID); err != nil {
				return nil, err
			}
			continue
		}
		if err := f.verify(e); err != nil {
			return nil, fmt.Errorf("the content of %q in %s: %w; move it and %s away", e.Name, f.content(e.ID), err, f.entry(e.ID))
		}
		entries = append(entries, e)
	}
	return entries, f.sweep(entries)
}

func (f folder) verify(e Entry) error {
	file, err := os.Open(f.content(e.ID))
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != e.SHA256 {
		return errors.New("it is damaged")
	}
	return nil
}

// idFormat is the journal format of the file with the identity of the folder.
const idFormat = "davdisk write-back folder 1"

// identity tells a folder from others, also of the same gateway.
type identity struct {
	ID    string `json:"id"`
	Place string `json:"place"` // of the folder, as the system tells it; empty: unknown
}

// identify returns the identity of the folder. It is made up the first time, and where
// the folder is a copy: that does not have what the first has got since.
func (f folder) identify() (id string, err error) {
	info, err := os.Stat(string(f))
	if err != nil {
		return "", err
	}
	at, is := filepath.Join(string(f), idName), identity{}
	err = journal.ReadFile(at, idFormat, &is)
	if place := placeOf(info); errors.Is(err, fs.ErrNotExist) || err == nil && is.Place != place {
		is = identity{uuid.NewString(), place}
		err = journal.WriteFile(at, idFormat, is)
	}
	return is.ID, err
}

// bury removes an entry that is not going to be stored, durably. Where there are other
// gateways, it is remembered: what they know of is stored, removed or lost.
func (f folder) bury(id string) error {
	if !f.isShared() {
		return f.removeEntry(id)
	}
	if err := os.Rename(f.entry(id), f.entry(id)+removedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(string(f))
}

// remember has an entry that is not going to be stored under its name, durably.
func (f folder) remember(e Entry) error {
	return journal.WriteFile(f.entry(e.ID)+removedSuffix, entryFormat, e)
}

// exhume forgets that an entry was removed, which the others know by now.
func (f folder) exhume(id string) { _ = os.Remove(f.entry(id) + removedSuffix) }

// buried returns such entries by their names, the last one of each. One that cannot be
// read is left out: its file counts as lost then, which somebody is told of.
func (f folder) buried() (map[string]Entry, error) {
	files, err := os.ReadDir(string(f))
	last := map[string]Entry{}
	for _, file := range files {
		id, ok := strings.CutSuffix(file.Name(), entrySuffix+removedSuffix)
		var e Entry
		if !ok || journal.ReadFile(filepath.Join(string(f), file.Name()), entryFormat, &e) != nil || e.ID != id {
			continue
		}
		if earlier, ok := last[e.Name]; ok { // files come in the order of their IDs
			f.exhume(earlier.ID)
		}
		last[e.Name] = e
	}
	return last, err
}

// sweep removes the files that belong to no entry.
func (f folder) sweep(entries []Entry) error {
	files, err := os.ReadDir(string(f))
	if err != nil {
		return err
	}
	keep := map[string]bool{lockName: true, idName: true}
	for _, e := range entries {
		keep[e.ID+entrySuffix], keep[e.ID+contentSuffix], keep[e.ID+sendingSuffix] = true, true, true
	}
	for _, file := range files {
		if keep[file.Name()] || strings.HasSuffix(file.Name(), removedSuffix) {
			continue
		}
		if err := os.Remove(filepath.Join(string(f), file.Name())); err != nil {
			return err
		}
	}
	return nil
}
