package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// version is the version of the file layout.
const version = 1

// endOfSnapshot is the payload of the line between the state and the entries
// appended to it. JSON has no such text.
const endOfSnapshot = "-"

// prefix is the length of a checksum and its blank.
const prefix = 9

// header is the first line of a journal.
type header struct {
	Version int    `json:"journal"`       // of the layout of the file
	Format  string `json:"format"`        // of the entries
	Seq     uint64 `json:"seq,omitempty"` // of the last entry in the state that follows
}

// A DamageError is the file and offset at which a journal cannot be read.
type DamageError struct {
	Path   string
	Offset int64 // of the line, in bytes
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %s; restore the file, or move it away to go on without what it holds", e.Path, e.Offset, e.Reason)
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// lineLength returns the length of a payload's line.
func lineLength(payload []byte) int64 { return prefix + int64(len(payload)) + 1 }

// appendLine appends the line of a payload, given the checksum of the line
// before it, and returns its own.
func appendLine(dst []byte, sum uint32, payload []byte) ([]byte, uint32) {
	sum = crc32.Update(sum, castagnoli(), payload)
	dst = fmt.Appendf(dst, "%08x ", sum)
	dst = append(dst, payload...)
	return append(dst, '\n'), sum
}

// lineWriter writes a journal from its beginning.
type lineWriter struct {
	w    io.Writer
	size int64
	sum  uint32
}

func (w *lineWriter) value(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.line(string(data))
}

func (w *lineWriter) line(payload string) error {
	line, sum := appendLine(nil, w.sum, []byte(payload))
	n, err := w.w.Write(line)
	w.size, w.sum = w.size+int64(n), sum
	return err
}

// reader reads the lines of a journal and detects damage.
type reader struct {
	path   string
	r      *bufio.Reader
	offset int64 // of the next line
	sum    uint32
	torn   bool // something followed the last newline
	apart  bool // checksums are of one line each, as before this package
}

// newReader reads a journal from its beginning; path is for errors only.
func newReader(path string, r io.Reader) *reader {
	return &reader{path: path, r: bufio.NewReader(r)}
}

// next returns the payload of the next line, io.EOF after the last whole one,
// or a DamageError.
func (r *reader) next() ([]byte, error) {
	if r.apart {
		r.sum = 0
	}
	line, err := r.r.ReadBytes('\n')
	if err == io.EOF {
		if ended(line, r.sum) {
			return nil, r.damaged("the line has no end")
		}
		r.torn = len(line) > 0
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", r.path, err)
	}
	if len(line) < prefix+2 { // an empty payload has the checksum of the line before
		return nil, r.damaged("it is no line of a journal")
	}
	payload := line[prefix : len(line)-1]
	want, sum := appendLine(make([]byte, 0, len(line)), r.sum, payload)
	if !bytes.Equal(line, want) {
		return nil, r.damaged("the checksum does not match")
	}
	r.offset, r.sum = r.offset+int64(len(line)), sum
	return payload, nil
}

// ended reports whether a line without a newline begins with a whole one, so
// that it is the newline that was damaged and not the line that was cut short.
func ended(line []byte, sum uint32) bool {
	if len(line) < prefix {
		return false
	}
	want, err := strconv.ParseUint(string(line[:prefix-1]), 16, 32)
	for i := prefix; err == nil && i+1 < len(line); i++ {
		sum = crc32.Update(sum, castagnoli(), line[i:i+1])
		if sum == uint32(want) {
			return true
		}
	}
	return false
}

// start reads the first line and refuses another format.
func (r *reader) start(format string) (h header, err error) {
	payload, err := r.next()
	switch {
	case err == io.EOF:
		return h, r.damaged("its first line is missing")
	case err != nil:
		return h, err
	case json.Unmarshal(payload, &h) != nil || h.Version < 1:
		return h, &DamageError{Path: r.path, Reason: "its first line is not that of a journal"}
	case h.Version > version:
		return h, fmt.Errorf("the journal %s was written by a newer version of this program (layout %d, this one knows %d)", r.path, h.Version, version)
	case h.Format != format:
		return h, fmt.Errorf("the journal %s is of another format, or another version: it holds %q, not %q", r.path, h.Format, format)
	}
	return h, nil
}

func (r *reader) damaged(reason string) error {
	return &DamageError{Path: r.path, Offset: r.offset, Reason: reason}
}
