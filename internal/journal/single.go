package journal

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/davdisk/davdisk/internal/durable"
)

// WriteFile replaces the file at path, in one step, by one that holds a single
// value in the format of a journal.
func WriteFile(path, format string, value any) error {
	return durable.Write(path, 0o600, func(w io.Writer) error {
		lines := lineWriter{w: w}
		return errors.Join(lines.value(header{Version: version, Format: format}), lines.value(value), lines.line(endOfSnapshot))
	})
}

// ReadFile reads a file written by WriteFile. As that is atomic, a truncated
// file is damaged wherever it ends.
func ReadFile(path, format string, value any) error {
	var found single
	end, err := read(path, format, &found)
	if err != nil {
		return err
	}
	if len(found) != 1 || end.torn {
		return &DamageError{Path: path, Offset: end.offset, Reason: "it does not hold one value"}
	}
	if err := json.Unmarshal(found[0], value); err != nil {
		return &DamageError{Path: path, Reason: err.Error()}
	}
	return nil
}

// single is the machine of a file that holds one value.
type single []json.RawMessage

// Apply implements Machine.
func (s *single) Apply(value json.RawMessage) error {
	*s = append(*s, value)
	return nil
}

// Snapshot implements Machine.
func (s *single) Snapshot() iter.Seq[json.RawMessage] { return slices.Values(*s) }
