package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// This file reads state folders of version 1, which are older than this package.
// It is needed as long as such folders may exist.

// EarlierLog is an Import for a log of version 1: lines behind a checksum each,
// of which the first names the format. Records are handed to apply one by one.
func EarlierLog[E any](path, format string, decode func(record []byte) (E, error)) func(apply func(E) error, keep func() error) error {
	return func(apply func(E) error, keep func() error) error {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer file.Close()
		lines := newReader(path, file)
		lines.apart = true
		var found string
		switch head, err := lines.next(); {
		case err == io.EOF:
			return lines.damaged("its first line is missing")
		case err != nil:
			return err
		case json.Unmarshal(head, &found) != nil || found != format:
			return fmt.Errorf("the journal %s is of another format: it holds %.60q, not %q", path, head, format)
		}
		for {
			offset := lines.offset
			record, err := lines.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			entry, err := decode(record)
			if err == nil {
				err = apply(entry)
			} else {
				err = fmt.Errorf("%w: %w", ErrEntry, err)
			}
			if errors.Is(err, ErrEntry) { // others were refused then, too
				return &DamageError{Path: path, Offset: offset, Reason: err.Error()}
			}
		}
		if err := keep(); err != nil {
			return err
		}
		return errors.Join(file.Close(), os.Remove(path))
	}
}

// EarlierMap is an Import for a map of version 1: lines of JSON, which set a key
// or delete it, without checksums. It fails with ErrLocked while a program of
// that version has the file open.
func EarlierMap[T any](path string) func(set func(key string, value T) error, keep func() error) error {
	return func(set func(key string, value T) error, keep func() error) error {
		if _, err := os.Stat(path); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		lock := flock.New(path+".lock", flock.SetPermissions(0o600))
		if got, err := lock.TryLock(); err != nil {
			return err
		} else if !got {
			return fmt.Errorf("%w: %s", ErrLocked, path)
		}
		defer lock.Close()
		values, err := ReadEarlierMap[T](path)
		if err != nil {
			return err
		}
		for key, value := range values {
			if err := set(key, value); err != nil {
				return err
			}
		}
		if err := keep(); err != nil {
			return err
		}
		return errors.Join(os.Remove(path), lock.Close(), os.Remove(path+".lock"))
	}
}

// ReadEarlierMap reads the map that EarlierMap carries over, which a program of
// that version may have open.
func ReadEarlierMap[T any](path string) (map[string]T, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	state := values[T]{m: map[string]T{}}
	lines, offset := bufio.NewReader(file), int64(0)
	for last := false; !last; {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		if last = err == io.EOF; last {
			line = bytes.TrimRight(line, "\x00")
		}
		entry, err := earlierItem[T](line)
		if last && (err == io.EOF || err == io.ErrUnexpectedEOF) {
			break // the end, or a torn line
		}
		if err == nil {
			err = state.Apply(entry)
		}
		if err != nil {
			return nil, &DamageError{Path: path, Offset: offset, Reason: err.Error()}
		}
		offset += int64(len(line))
	}
	return state.m, nil
}

// earlierItem decodes a line as strictly as possible without a checksum.
func earlierItem[T any](line []byte) (entry item[T], err error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&entry); err != nil {
		return entry, err
	}
	if !json.Valid(line) || !bytes.HasPrefix(line, []byte(`{"key":`)) {
		return entry, errors.New("it is no line of a journal")
	}
	return entry, nil
}
