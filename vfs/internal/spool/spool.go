// Package spool buffers content: small content in memory, larger in a temporary
// file.
package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// chunk is the unit of allocation in memory, in bytes.
const chunk = 64 << 10

// A Pool makes spooled files that share a memory budget. It is safe for
// concurrent use.
type Pool struct {
	dir     string // of temporary files; empty: the system's
	perFile int64  // bytes that one file may keep in memory
	total   int64  // bytes that all of them may

	used atomic.Int64
	free sync.Pool // of *[chunk]byte
}

// NewPool returns a pool. A file that grows beyond perFile bytes, or while all
// files use total bytes, moves to a temporary file in dir; "" means the default
// folder for temporary files.
func NewPool(dir string, perFile, total int64) *Pool {
	return &Pool{dir: dir, perFile: perFile, total: total}
}

// buffer returns a chunk with any bytes in it, and put takes it back.
func (p *Pool) buffer() []byte {
	if data, ok := p.free.Get().(*[chunk]byte); ok {
		return data[:]
	}
	return make([]byte, chunk)
}

func (p *Pool) put(data []byte) { p.free.Put((*[chunk]byte)(data)) }

// zeroed returns a chunk of zeros.
func (p *Pool) zeroed() []byte {
	data, ok := p.free.Get().(*[chunk]byte)
	if !ok {
		return make([]byte, chunk)
	}
	clear(data[:])
	return data[:]
}

// New returns an empty file. The caller must close it.
func (p *Pool) New() *File { return &File{pool: p} }

// File is content that can be read and written at any offset. Bytes that were
// never written are zero. It is safe for concurrent use.
type File struct {
	pool *Pool

	mu     sync.RWMutex // guards the fields below
	size   int64
	chunks [][]byte // while in memory; nil: all zero
	disk   *os.File // afterwards
	closed bool
}

// Size returns the size in bytes.
func (f *File) Size() int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.size
}

// Reader returns a reader of the content, from its start to its current size.
func (f *File) Reader() *io.SectionReader { return io.NewSectionReader(f, 0, f.Size()) }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return 0, fs.ErrClosed
	}
	if off >= f.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > f.size-off
	if short {
		p = p[:f.size-off]
	}
	n, err := f.read(p, off)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

// read fills p, which lies within the content. The caller holds the lock.
func (f *File) read(p []byte, off int64) (int, error) {
	if f.disk != nil {
		n, err := f.disk.ReadAt(p, off)
		if n == len(p) {
			err = nil
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	for done := 0; done < len(p); {
		at := off + int64(done)
		part := p[done:min(len(p), done+int(chunk-at%chunk))]
		if data := f.at(at); data != nil {
			copy(part, data[at%chunk:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(p), nil
}

// at returns the chunk of an offset; nil if all of it is zero.
func (f *File) at(off int64) []byte {
	if i := off / chunk; i < int64(len(f.chunks)) {
		return f.chunks[i]
	}
	return nil
}

// Write appends p.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(p, f.size)
}

// WriteAt implements io.WriterAt.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(p, off)
}

// write writes p at off. The caller holds the lock.
func (f *File) write(p []byte, off int64) (int, error) {
	if f.closed {
		return 0, fs.ErrClosed
	}
	if err := f.room(off + int64(len(p))); err != nil {
		return 0, err
	}
	if f.disk != nil {
		n, err := f.disk.WriteAt(p, off)
		f.size = max(f.size, off+int64(n))
		return n, err
	}
	for done := 0; done < len(p); {
		at := off + int64(done)
		for int64(len(f.chunks)) <= at/chunk {
			f.chunks = append(f.chunks, nil)
		}
		if f.chunks[at/chunk] == nil {
			f.chunks[at/chunk] = f.pool.zeroed()
			f.pool.used.Add(chunk)
		}
		done += copy(f.chunks[at/chunk][at%chunk:], p[done:])
	}
	f.size = max(f.size, off+int64(len(p)))
	return len(p), nil
}

// Truncate sets the size in bytes; bytes that it adds are zero.
func (f *File) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	if err := f.room(size); err != nil {
		return err
	}
	if f.disk != nil {
		if err := f.disk.Truncate(size); err != nil {
			return err
		}
		f.size = size
		return nil
	}
	if size < f.size {
		if last := f.at(size); last != nil {
			clear(last[size%chunk:])
		}
		keep := min(int64(len(f.chunks)), (size+chunk-1)/chunk)
		f.release(f.chunks[keep:])
		f.chunks = f.chunks[:keep]
	}
	f.size = size
	return nil
}

// room prepares the file to grow to size bytes: content that is too large for
// memory moves to disk. The caller holds the lock, and sets the size.
func (f *File) room(size int64) error {
	if f.disk != nil || size <= f.size {
		return nil
	}
	if size <= f.pool.perFile && f.pool.used.Load() < f.pool.total {
		return nil
	}
	disk, err := f.pool.temp()
	if err != nil {
		return fmt.Errorf("make room for written data: %w", err)
	}
	// Where an open file can be removed, it does not outlive a crash.
	os.Remove(disk.Name())
	for i, data := range f.chunks {
		at := int64(i) * chunk
		if data == nil || at >= f.size {
			continue
		}
		if _, err := disk.WriteAt(data[:min(chunk, f.size-at)], at); err != nil {
			_ = discard(disk)
			return fmt.Errorf("make room for written data: %w", err)
		}
	}
	f.release(f.chunks)
	f.chunks, f.disk = nil, disk
	return nil
}

func (f *File) release(chunks [][]byte) {
	for i, data := range chunks {
		if data != nil {
			f.pool.used.Add(-chunk)
			f.pool.put(data)
		}
		chunks[i] = nil
	}
}

// Close discards the content. Afterwards reads and writes fail with
// fs.ErrClosed.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	f.release(f.chunks)
	f.chunks = nil
	if f.disk != nil {
		return discard(f.disk)
	}
	return nil
}

func discard(disk *os.File) error {
	err := disk.Close()
	os.Remove(disk.Name()) // for systems where it could not be removed before
	return err
}

// temp makes a temporary file. The folder may have been deleted meanwhile.
func (p *Pool) temp() (*os.File, error) {
	if p.dir != "" {
		if err := os.MkdirAll(p.dir, 0o700); err != nil {
			return nil, ours(err)
		}
	}
	file, err := os.CreateTemp(p.dir, "davdisk-spool-*")
	return file, ours(err)
}

// ours reduces an error to its text, unless the disk is full: an error of the
// local folder must not be mistaken for one of the file.
func ours(err error) error {
	if err == nil || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return errors.New(err.Error())
}
