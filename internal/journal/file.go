package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davdisk/davdisk/internal/durable"
)

// slack is how far a file may grow, in bytes, before its size is compared
// with that of the state.
const slack = 64 << 10

// write appends the entries of a batch to the file, and syncs it if one of them
// is to be durable. After an error none of them is in the file.
func (j *Journal[E]) write(proposals []*proposal[E]) error {
	var grown int64
	sync := false
	for _, p := range proposals {
		if !p.passing {
			grown += lineLength(p.payload)
			sync = sync || !p.volatile
		}
	}
	if grown == 0 {
		return nil
	}
	if j.behind || j.size+grown > j.limit || !j.inPlace() {
		if err := j.rewrite(); err != nil {
			j.behind = true
			return err
		}
	}
	lines, sum := make([]byte, 0, grown), j.sum
	for _, p := range proposals {
		if !p.passing {
			lines, sum = appendLine(lines, sum, p.payload)
		}
	}
	_, err := j.file.WriteAt(lines, j.size)
	if err == nil && sync {
		err = j.sync(j.file)
	}
	if err != nil {
		// A failed entry must not reappear: it is cut off now, and the file
		// rewritten before the next entry.
		j.behind = true
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size, j.sum = j.size+grown, sum
	return nil
}

// inPlace reports whether the open file is still the one at path. The folder
// may have been removed.
func (j *Journal[E]) inPlace() bool {
	if j.file == nil {
		return false
	}
	info, err := os.Stat(j.path)
	return err == nil && os.SameFile(info, j.opened)
}

// rewrite replaces the file by one with the current state only.
func (j *Journal[E]) rewrite() error {
	// Windows cannot rename over an open file.
	if err := j.closeFile(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil {
		return err
	}
	var size int64
	var sum uint32
	err := durable.Write(j.path, 0o600, func(w io.Writer) error {
		buf := bufio.NewWriter(w)
		write := lineWriter{w: buf}
		if err := write.value(header{Version: version, Format: j.format, Seq: j.seq}); err != nil {
			return err
		}
		for entry := range j.lasting() {
			if err := write.value(entry); err != nil {
				return err
			}
		}
		if err := write.line(endOfSnapshot); err != nil {
			return err
		}
		size, sum = write.size, write.sum
		return buf.Flush()
	})
	if err != nil {
		return err
	}
	return j.reopen(size, sum)
}

// reopen opens the file for appending.
func (j *Journal[E]) reopen(size int64, sum uint32) error {
	file, err := os.OpenFile(j.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.Size() != size {
		err = file.Truncate(size)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	j.file, j.opened, j.behind = file, info, false
	j.size, j.sum, j.limit = size, sum, max(2*size, size+slack)
	return nil
}

func (j *Journal[E]) closeFile() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// load reads the file, if there is one, and opens it for writing. It removes
// leftovers of a crash during a rewrite.
func (j *Journal[E]) load() error {
	if err := durable.Sweep(j.path); err != nil {
		return fmt.Errorf("open the journal %s: %w", j.path, err)
	}
	end, err := read(j.path, j.format, j.machine)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	j.seq = end.seq
	return j.reopen(end.offset, end.sum)
}

// end is the end of a journal.
type end struct {
	seq    uint64
	offset int64
	sum    uint32
	torn   bool // a torn line followed
}

// read applies the journal at path to an empty machine.
func read[E any](path, format string, machine Machine[E]) (end, error) {
	file, err := os.Open(path)
	if err != nil {
		return end{}, err
	}
	defer file.Close()
	lines := newReader(path, file)
	head, err := lines.start(format)
	if err != nil {
		return end{}, err
	}
	seq, inSnapshot := head.Seq, true
	for {
		offset := lines.offset
		payload, err := lines.next()
		switch {
		case err == io.EOF && inSnapshot:
			return end{}, &DamageError{Path: path, Offset: offset, Reason: "its end is missing"}
		case err == io.EOF:
			return end{seq, offset, lines.sum, lines.torn}, nil
		case err != nil:
			return end{}, err
		case inSnapshot && string(payload) == endOfSnapshot:
			inSnapshot = false
			continue
		case !inSnapshot:
			seq++
		}
		var entry E
		err = json.Unmarshal(payload, &entry)
		if err == nil {
			err = machine.Apply(entry)
		} else {
			err = fmt.Errorf("%w: %w", ErrEntry, err)
		}
		if err != nil && (inSnapshot || errors.Is(err, ErrEntry)) {
			return end{}, &DamageError{Path: path, Offset: offset, Reason: err.Error()}
		}
	}
}
