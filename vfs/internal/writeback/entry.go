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

	"github.com/davdisk/davdisk/internal/durable"
	"github.com/davdisk/davdisk/internal/journal"
)

// An Entry is a file that is still to be stored, as it is written down.
type Entry struct {
	ID       string    `json:"id"` // later entries have later ones
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	Version  string    `json:"version"` // that the store will give it
	MD5      string    `json:"md5"`
	SHA256   string    `json:"sha256"`
	ModTime  time.Time `json:"mod_time,omitzero"` // asked for; zero: none
	Since    time.Time `json:"since"`             // when it was acknowledged
	Replaces []string  `json:"replaces"`          // versions of which the store has one; "" is no file
	Growth   int64     `json:"growth"`            // bytes that it takes in the store beyond what it replaces

	Trouble Trouble `json:"-"`
}

// Trouble is how storing an entry has gone so far. It lies in a file of its
// own, which may be lost.
type Trouble struct {
	Tries int       `json:"tries"`         // that have failed
	Error string    `json:"error"`         // of the last one
	Next  time.Time `json:"next,omitzero"` // when it is tried again
}

// The names of files in the folder of a queue.
const (
	entrySuffix   = ".entry"   // an Entry, in the format of a journal
	contentSuffix = ".content" // the bytes
	troubleSuffix = ".trouble" // a Trouble
	lockName      = "lock"
)

// entryFormat is what the files of entries say they hold.
const entryFormat = "davdisk write-back 1"

// folder is where entries and contents lie.
type folder string

func (f folder) entry(id string) string   { return filepath.Join(string(f), id+entrySuffix) }
func (f folder) content(id string) string { return filepath.Join(string(f), id+contentSuffix) }
func (f folder) trouble(id string) string { return filepath.Join(string(f), id+troubleSuffix) }

// write writes an entry down. With it, its content is lasting: both are in the
// same folder, and the bytes have been synced before.
func (f folder) write(e Entry) error {
	return journal.WriteFile(f.entry(e.ID), entryFormat, e)
}

// forget takes an entry away for good. Its content may follow at any time.
func (f folder) forget(id string) error {
	if err := os.Remove(f.entry(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(string(f))
}

// discard removes what no entry needs any more. What cannot be removed, such as
// an open file of Windows, is removed by the next sweep.
func (f folder) discard(id string) {
	_ = os.Remove(f.content(id))
	_ = os.Remove(f.trouble(id))
}

// note writes down what trouble there is, for who reads the folder.
func (f folder) note(e Entry) error {
	data, err := json.Marshal(e.Trouble)
	if err != nil {
		return err
	}
	return os.WriteFile(f.trouble(e.ID), data, 0o600)
}

// read gives all entries, the earlier first.
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
			return nil, fmt.Errorf("%w; what it stood for lies beside it: move both away", err)
		}
		if data, err := os.ReadFile(f.trouble(id)); err == nil && json.Unmarshal(data, &e.Trouble) != nil {
			e.Trouble = Trouble{} // it is just being written
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// readEntry reads one entry, also as version 1 of the state folder has it.
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
		err = &journal.DamageError{Path: path, Reason: "it is no entry of this name"}
	}
	return e, err
}

func (e *Entry) valid() bool {
	return fs.ValidPath(e.Name) && e.Name != "." && e.Size >= 0 && len(e.Replaces) > 0 && len(e.SHA256) == 2*sha256.Size
}

// parseEarlier understands an entry of version 1: one line behind its checksum.
func parseEarlier(line []byte) (e Entry, ok bool) {
	sum, data, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !ok || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(data)) || json.Unmarshal(data, &e) != nil {
		return Entry{}, false
	}
	return e, e.valid()
}

// load gives the entries of a former run and clears away what it has left
// beside them: entries that a later one of the same name has overtaken, and
// contents that were never acknowledged. What is there is the content that was
// acknowledged, or load fails.
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
			if err := f.forget(e.ID); err != nil {
				return nil, err
			}
			continue
		}
		if err := f.verify(e); err != nil {
			return nil, fmt.Errorf("the content of %q that waits in %s: %w; move it and %s away", e.Name, f.content(e.ID), err, f.entry(e.ID))
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

// sweep removes the files that belong to no entry.
func (f folder) sweep(entries []Entry) error {
	files, err := os.ReadDir(string(f))
	if err != nil {
		return err
	}
	keep := map[string]bool{lockName: true}
	for _, e := range entries {
		keep[e.ID+entrySuffix], keep[e.ID+contentSuffix] = true, true
	}
	for _, file := range files {
		if keep[file.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(string(f), file.Name())); err != nil {
			return err
		}
	}
	return nil
}
