// Package journal keeps a small state on disk as a log of changes.
//
// A journal is one file of lines. The first line names the format, every
// other line is one change, as JSON behind its checksum. A change is on disk,
// synced, when Append returns, so a process may be killed at any moment: what
// was answered is there again after Open, and a last line that was cut short
// is dropped as if it had never been asked for. When the file has grown to
// more than twice what the state needs, it is rewritten by an atomic rename.
//
//	j, err := journal.Open(path, journal.Options{Format: "locks/1", Replay: t.apply, Snapshot: t.records})
//	err = j.Append(change) // durable
//	t.apply(change)        // only then visible
//
// One process at a time may have a journal open; whoever owns the folder sees
// to that.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/davdisk/davdisk/internal/durable"
)

// ErrCorrupt says that a journal is damaged elsewhere than in its last line,
// or was written in another format.
var ErrCorrupt = errors.New("damaged journal")

// slack is how far a file may grow, in bytes, before its growth is compared
// with what it holds.
const slack = 64 << 10

// unfinished is the pattern of the names that a rewritten file has until it is
// whole.
const unfinished = ".new-*"

// Options say what a journal holds.
type Options struct {
	// Format names the kind of records and their version, as in "locks/1". A
	// file of another format is refused.
	Format string
	// Replay is given every record of the file, in order, while Open runs.
	Replay func(record []byte) error
	// Snapshot yields records that together make the present state. It is
	// called from within Append, before the new record is written, and must
	// not show that record's effect.
	Snapshot iter.Seq[any]
}

// A Journal is an open journal. Its methods may be called at the same time.
type Journal struct {
	path string
	opts Options

	mu     sync.Mutex // guards what follows
	file   *os.File
	size   int64 // bytes known to be good
	limit  int64 // size at which the file is rewritten
	broken bool  // a write failed: the file is rewritten before the next
}

// Open reads the journal at path, making it and its folder if need be, and
// replays what it holds.
func Open(path string, opts Options) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	j := &Journal{path: path, opts: opts}
	if err := j.sweep(); err != nil {
		return nil, err
	}
	size, err := j.replay()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := j.rewrite(); err != nil {
			return nil, err
		}
		return j, nil
	case err != nil:
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	if err := j.reopen(size); err != nil {
		return nil, err
	}
	return j, nil
}

// Append adds one record. When it returns nil the record is on disk; when it
// returns an error the record is not part of the journal.
func (j *Journal) Append(record any) error {
	line, err := encode(record)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return fmt.Errorf("append to %q: %w", j.path, fs.ErrClosed)
	}
	if j.broken || j.size+int64(len(line)) > j.limit {
		if err := j.rewrite(); err != nil {
			j.broken = true
			return fmt.Errorf("rewrite %q: %w", j.path, err)
		}
	}
	_, err = j.file.WriteAt(line, j.size)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		// What was asked for and refused must not come back as a record: it
		// is cut off now, and the file written anew before the next one.
		j.broken = true
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(len(line))
	return nil
}

// Close closes the file. Nothing is lost without it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// replay feeds every whole record to Options.Replay and returns where the
// last one ends.
func (j *Journal) replay() (int64, error) {
	f, err := os.Open(j.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	var size int64
	for n := 0; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
		record, ok := decode(line)
		if !ok {
			return size, j.torn(r, n)
		}
		if n == 0 {
			var format string
			if json.Unmarshal(record, &format) != nil || format != j.opts.Format {
				return 0, fmt.Errorf("%w: it holds %.40q, not %q; move it away to start with an empty one", ErrCorrupt, record, j.opts.Format)
			}
		} else if err := j.opts.Replay(record); err != nil {
			return 0, fmt.Errorf("%w: record %d: %w", ErrCorrupt, n, err)
		}
		size += int64(len(line))
	}
	if size == 0 {
		return 0, fs.ErrNotExist
	}
	return size, nil
}

// torn judges a bad line n: as the last one it was cut short by a crash and is
// dropped, anywhere else the file is damaged.
func (j *Journal) torn(r *bufio.Reader, n int) error {
	for {
		line, err := r.ReadBytes('\n')
		if _, ok := decode(line); ok {
			return fmt.Errorf("%w: line %d; move it away to start with an empty one", ErrCorrupt, n+1)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if n == 0 {
		return fmt.Errorf("%w: no header; move it away to start with an empty one", ErrCorrupt)
	}
	return nil
}

// reopen opens the file for writing behind its last whole record.
func (j *Journal) reopen(size int64) error {
	f, err := os.OpenFile(j.path, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		f.Close()
		return err
	}
	j.file, j.size, j.limit, j.broken = f, size, max(2*size, size+slack), false
	return nil
}

// sweep removes what rewrites that a crash ended have left.
func (j *Journal) sweep() error {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(j.path), filepath.Base(j.path)+unfinished))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// rewrite replaces the file by one that holds just the present state.
func (j *Journal) rewrite() error {
	tmp, err := os.CreateTemp(filepath.Dir(j.path), filepath.Base(j.path)+unfinished)
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails, as it should, once renamed
	size, err := j.snapshot(tmp)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	// Windows cannot rename over an open file.
	if j.file != nil {
		j.file.Close()
	}
	if err := os.Rename(tmp.Name(), j.path); err != nil {
		return err
	}
	if err := durable.SyncDir(filepath.Dir(j.path)); err != nil {
		return err
	}
	return j.reopen(size)
}

func (j *Journal) snapshot(w *os.File) (int64, error) {
	var size int64
	buf := bufio.NewWriter(w)
	put := func(record any) error {
		line, err := encode(record)
		if err != nil {
			return err
		}
		size += int64(len(line))
		_, err = buf.Write(line)
		return err
	}
	if err := put(j.opts.Format); err != nil {
		return 0, err
	}
	for record := range j.opts.Snapshot {
		if err := put(record); err != nil {
			return 0, err
		}
	}
	return size, errors.Join(buf.Flush(), w.Sync())
}

// encode makes the line of a record: checksum, blank, JSON, newline. JSON
// escapes every newline of its own.
func encode(record any) ([]byte, error) {
	data, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	line := fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(data, castagnoli()), data)
	return line, nil
}

// decode returns the record of a line, if the line is whole.
func decode(line []byte) ([]byte, bool) {
	sum, data, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(sum) != 8 || !bytes.HasSuffix(data, []byte("\n")) {
		return nil, false
	}
	data = data[:len(data)-1]
	want, err := strconv.ParseUint(string(sum), 16, 32)
	return data, err == nil && uint32(want) == crc32.Checksum(data, castagnoli())
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
