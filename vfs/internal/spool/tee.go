package spool

import (
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// Fill copies all of src, which must be size bytes long unless size is negative,
// to f, and returns the number of bytes.
func Fill(f *File, src io.Reader, size int64) (int64, error) {
	if size >= 0 {
		// One more byte shows that the body is too long.
		src = io.LimitReader(src, size+1)
	}
	n, err := io.Copy(f, src)
	if err == nil && size >= 0 {
		err = checkLength(n, size)
	}
	return n, err
}

func checkLength(got, want int64) error {
	switch {
	case got < want:
		return fmt.Errorf("the body ended after %d of %d bytes: %w", got, want, io.ErrUnexpectedEOF)
	case got > want:
		return fmt.Errorf("the body is longer than %d bytes", want)
	}
	return nil
}

// Passing is an io.ReadSeeker on a source. What is read is kept in a file, so
// that the reader may seek back.
type Passing struct {
	file *File
	size int64

	pulling sync.Mutex // held while src is read
	src     io.Reader

	mu     sync.Mutex // guards the fields below
	pos    int64
	err    error // of the source; sticky
	closed bool
}

// Tee returns a reader of size bytes from src that keeps them in f. If src has
// another length, the reader gets an error instead of io.EOF.
func Tee(f *File, src io.Reader, size int64) *Passing {
	return &Passing{file: f, size: size, src: src}
}

// Read implements io.Reader. It reads what is kept already from the file, then
// from the source.
func (t *Passing) Read(p []byte) (int, error) {
	t.pulling.Lock()
	defer t.pulling.Unlock()
	t.mu.Lock()
	pos, err, closed := t.pos, t.err, t.closed
	t.mu.Unlock()
	switch {
	case closed:
		return 0, fs.ErrClosed
	case len(p) == 0:
		return 0, nil
	case pos >= t.size && err == nil && t.file.Size() == t.size:
		return 0, io.EOF
	}
	have := t.file.Size()
	if pos < have {
		n, err := t.file.ReadAt(p[:min(int64(len(p)), have-pos)], pos)
		t.advance(n, nil)
		return n, err
	}
	if err != nil {
		return 0, err
	}
	n, err := t.src.Read(p[:min(int64(len(p)), t.size-pos)])
	if t.isClosed() {
		return 0, fs.ErrClosed
	}
	if pos+int64(n) == t.size {
		// The last bytes are returned only once the source has ended, so that
		// a body that is too long is never taken for complete.
		if err = t.probe(err); err != nil {
			n = 0
		}
	} else if err == io.EOF {
		err = checkLength(pos+int64(n), t.size)
	}
	if n > 0 {
		if _, wrong := t.file.Write(p[:n]); wrong != nil {
			n, err = 0, wrong
		}
	}
	t.advance(n, err)
	return n, err
}

// probe checks that the source has ended.
func (t *Passing) probe(err error) error {
	var more [1]byte
	for err == nil {
		var n int
		if n, err = t.src.Read(more[:]); n > 0 {
			return checkLength(t.size+1, t.size)
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func (t *Passing) advance(n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pos += int64(n)
	if err != nil {
		t.err = err
	}
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
