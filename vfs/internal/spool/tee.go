package spool

import (
	"io"
	"io/fs"
	"sync"

	"github.com/davdisk/davdisk/internal/reading"
)

// Fill copies all of src, which must be size bytes long unless size is negative,
// to f, and returns the number of bytes.
func Fill(f *File, src io.Reader, size int64) (int64, error) {
	buffer := f.pool.buffer()
	n, err := io.CopyBuffer(f, reading.Exactly(src, size), buffer)
	if err == nil {
		f.pool.put(buffer) // else a source that was given up may still fill it
	}
	return n, err
}

// blockSize is how many bytes are read of a source, and written to a file, at a
// time at most. A transport for HTTP reads 32 KiB: of that size both take twice as
// long.
const blockSize = 256 << 10

// Passing is an io.ReadSeeker on a source. What is read is kept in a file, so
// that the reader may seek back.
type Passing struct {
	file *File
	size int64

	pulling sync.Mutex // guards src, block and last, and is held while src is read
	src     io.Reader
	block   []byte // nil until src is read
	last    []byte // what was read of src last, in block; it is the end of file

	mu     sync.Mutex // guards the fields below
	pos    int64
	err    error // of the source; sticky
	closed bool
}

// Tee returns a reader of size bytes from src that keeps them in f. If src has
// another length, the reader gets an error instead of the last bytes.
func Tee(f *File, src io.Reader, size int64) *Passing {
	return &Passing{file: f, size: size, src: reading.Exactly(src, size)}
}

// Read implements io.Reader. It reads what is kept already, then from the source.
func (t *Passing) Read(p []byte) (int, error) {
	t.pulling.Lock()
	defer t.pulling.Unlock()
	t.mu.Lock()
	pos, err, closed := t.pos, t.err, t.closed
	t.mu.Unlock()
	have := t.file.Size()
	switch {
	case closed:
		return 0, fs.ErrClosed
	case len(p) == 0:
		return 0, nil
	case pos > have:
		return 0, fs.ErrInvalid // not read yet
	case pos == have && err != nil:
		return 0, err
	case pos == have:
		n, err := t.pull()
		if n == 0 {
			return 0, err
		}
		have += int64(n)
	}
	n, err := 0, error(nil)
	if at := have - int64(len(t.last)); pos >= at {
		n = copy(p, t.last[pos-at:])
	} else {
		n, err = t.file.ReadAt(p[:min(int64(len(p)), at-pos)], pos)
	}
	t.mu.Lock()
	t.pos += int64(n)
	t.mu.Unlock()
	return n, err
}

// pull reads from the source to the file, and returns the number of bytes. The
// caller holds t.pulling.
func (t *Passing) pull() (int, error) {
	if t.block == nil {
		t.block = make([]byte, blockSize)
	}
	t.last = nil
	n, err := t.src.Read(t.block)
	if t.isClosed() {
		return 0, fs.ErrClosed
	}
	if n > 0 {
		if _, wrong := t.file.Write(t.block[:n]); wrong != nil {
			n, err = 0, wrong
		}
	}
	t.last = t.block[:n]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	return n, err
}

func (t *Passing) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

// Seek implements io.Seeker. Only a seek back to what has been read is useful.
func (t *Passing) Seek(offset int64, whence int) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += t.pos
	case io.SeekEnd:
		offset += t.size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	t.pos = offset
	return offset, nil
}

// Close makes later Reads fail, such as those of an abandoned transfer. It does
// not wait for a Read that is blocked on the source.
func (t *Passing) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return nil
}
