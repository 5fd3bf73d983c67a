package yandex

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/davdisk/davdisk/internal/durable"
)

// journal is a map that survives a restart: a file of JSON lines, each of
// which sets or deletes one entry. It is written anew when most of its lines
// are out of date. Without a file it is a map only.
type journal[T any] struct {
	path string
	log  *slog.Logger
	lock *flock.Flock

	mu      sync.Mutex // guards all below
	entries map[string]T
	held    bool     // the file is ours; otherwise this is in memory only
	file    *os.File // nil until there is something to write
	lines   int
}

// journalLine is one line; no value deletes the entry.
type journalLine[T any] struct {
	Key   string `json:"key"`
	Value *T     `json:"value,omitempty"`
}

// slackLines is how many lines may be out of date.
const slackLines = 1000

// openJournal reads a journal. If another process or backend has it, this one
// stays in memory, which is said in the log.
func openJournal[T any](path string, log *slog.Logger) (*journal[T], error) {
	j := &journal[T]{path: path, log: log, entries: map[string]T{}}
	if path == "" {
		return j, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	j.lock = flock.New(path+".lock", flock.SetPermissions(0o600))
	if got, err := j.lock.TryLock(); err != nil {
		return nil, err
	} else if !got {
		log.Warn("another davdisk uses the journal; this one keeps its own in memory", "path", path)
		return j, nil
	}
	if err := j.load(); err != nil {
		j.lock.Close()
		return nil, err
	}
	j.held = true
	return j, nil
}

// load reads the file, leaves out what cannot be read, such as the last line
// of a process that was killed, and writes what is left anew.
func (j *journal[T]) load() error {
	file, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var line journalLine[T]
		if json.Unmarshal(scan.Bytes(), &line) != nil {
			j.log.Warn("a line of the journal cannot be read", "path", j.path)
			continue
		}
		j.apply(line)
	}
	if err := scan.Err(); err != nil {
		return err
	}
	return j.rewrite()
}

func (j *journal[T]) apply(line journalLine[T]) {
	if line.Value == nil {
		delete(j.entries, line.Key)
	} else {
		j.entries[line.Key] = *line.Value
	}
}

// rewrite replaces the file by one that has only what counts.
func (j *journal[T]) rewrite() error {
	var data []byte
	for key, value := range j.entries {
		line, err := json.Marshal(journalLine[T]{key, &value})
		if err != nil {
			return err
		}
		data = append(append(data, line...), '\n')
	}
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil { // it may have been deleted
		return err
	}
	if err := durable.WriteFile(j.path, data, 0o600); err != nil {
		return err
	}
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	j.file, j.lines = file, len(j.entries)
	return nil
}

// set keeps a value; when it returns nil it is on disk.
func (j *journal[T]) set(key string, value T) error {
	return j.change(journalLine[T]{key, &value}, true)
}

// note is set for a value that may be lost with the machine, because the one
// before it serves as well.
func (j *journal[T]) note(key string, value T) error {
	return j.change(journalLine[T]{key, &value}, false)
}

// delete forgets a value. One that comes back is found to be out of date.
func (j *journal[T]) delete(key string) error {
	return j.change(journalLine[T]{Key: key}, false)
}

func (j *journal[T]) change(line journalLine[T], sync bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, there := j.entries[line.Key]; !there && line.Value == nil {
		return nil
	}
	j.apply(line)
	if !j.held {
		return nil
	}
	if j.lines++; j.file == nil || j.lines > 2*len(j.entries)+slackLines {
		return j.rewrite()
	}
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(data, '\n'))
	if err == nil && sync {
		err = j.file.Sync()
	}
	if err != nil {
		// There may be a part of the line now, which would spoil the next one:
		// the file is written anew then.
		j.file.Close()
		j.file = nil
	}
	return err
}

func (j *journal[T]) get(key string) (T, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	value, ok := j.entries[key]
	return value, ok
}

// all returns a copy of the entries.
func (j *journal[T]) all() map[string]T {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.entries)
}

// Close leaves the journal to others, and no file if it is empty.
func (j *journal[T]) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if j.held && j.file == nil && len(j.entries) > 0 {
		err = j.rewrite() // which has failed before
	}
	if j.file != nil {
		err = j.file.Close()
		j.file = nil
		if len(j.entries) == 0 {
			err = errors.Join(err, os.Remove(j.path))
		}
	}
	j.held = false
	if j.lock != nil {
		err = errors.Join(err, j.lock.Close())
	}
	return err
}

// lasting tells whether the entries survive the process.
func (j *journal[T]) lasting() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.held
}

// journalPath is where a backend with this root keeps a journal; empty for
// nowhere.
func journalPath(cfg Config, root, name string) string {
	if cfg.StateDir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(root))
	return filepath.Join(cfg.StateDir, name+"-"+hex.EncodeToString(sum[:6])+".jsonl")
}
