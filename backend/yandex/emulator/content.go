package emulator

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
	"weak"
)

// A content is one version of one file's bytes. It never changes.
type content struct {
	id          string
	size        int64
	md5, sha256 string
	open        func() (io.ReadSeekCloser, error)
}

// contents keeps every version that a file or a valid download link refers to.
// A version dropped from the disk is kept as long as its links are valid, but
// dropped versions other than the newest take at most keepDropped bytes.
type contents struct {
	dir   string // "": in memory
	newID func() string

	mu      sync.Mutex // guards what follows
	byID    map[string]weak.Pointer[content]
	dropped []droppedContent
	files   map[string]bool // made in dir and not yet removed
}

type droppedContent struct {
	content *content
	until   time.Time
}

const (
	keepDroppedMemory = 256 << 20
	keepDroppedFiles  = 8 << 30
)

func newContents(dir string, newID func() string) *contents {
	return &contents{dir: dir, newID: newID, byID: make(map[string]weak.Pointer[content]), files: make(map[string]bool)}
}

// get returns the version with the id, nil if it is gone.
func (s *contents) get(id string) *content {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id].Value()
}

func (s *contents) add(c *content) *content {
	c.id = s.newID()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[c.id] = weak.Make(c)
	runtime.AddCleanup(c, s.forget, c.id)
	return c
}

func (s *contents) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}

// drop keeps a version that left the disk until the links to it expire.
func (s *contents) drop(c *content, now time.Time, life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = append(s.dropped, droppedContent{c, now.Add(life)})
	limit := int64(keepDroppedMemory)
	if s.dir != "" {
		limit = keepDroppedFiles
	}
	var sum int64
	keepFrom := len(s.dropped)
	for keepFrom > 0 {
		last := s.dropped[keepFrom-1]
		sum += last.content.size
		if last.until.Before(now) || sum > limit && keepFrom < len(s.dropped) {
			break
		}
		keepFrom--
	}
	s.dropped = append([]droppedContent(nil), s.dropped[keepFrom:]...)
}

// A sink takes the bytes of a new version.
type sink struct {
	store       *contents
	md5, sha256 hash.Hash
	size        int64
	memory      bytes.Buffer
	file        *os.File // nil: in memory
}

func (s *contents) newSink() (*sink, error) {
	w := &sink{store: s, md5: md5.New(), sha256: sha256.New()}
	if s.dir != "" {
		file, err := os.CreateTemp(s.dir, "content-*")
		if err != nil {
			return nil, fmt.Errorf("keep content: %w", err)
		}
		w.file = file
		s.mu.Lock()
		s.files[file.Name()] = true
		s.mu.Unlock()
	}
	return w, nil
}

func (w *sink) Write(p []byte) (int, error) {
	if w.file != nil {
		if n, err := w.file.Write(p); err != nil {
			return n, err
		}
	} else {
		w.memory.Write(p)
	}
	w.md5.Write(p)
	w.sha256.Write(p)
	w.size += int64(len(p))
	return len(p), nil
}

// abort discards what was written.
func (w *sink) abort() {
	if w.file != nil {
		w.file.Close()
		w.store.removeFile(w.file.Name())
	}
}

// commit makes a version of what was written.
func (w *sink) commit() (*content, error) {
	c := &content{size: w.size, md5: hex.EncodeToString(w.md5.Sum(nil)), sha256: hex.EncodeToString(w.sha256.Sum(nil))}
	if w.file == nil {
		data := w.memory.Bytes()
		c.open = func() (io.ReadSeekCloser, error) { return memoryReader{bytes.NewReader(data)}, nil }
		return w.store.add(c), nil
	}
	name := w.file.Name()
	if err := w.file.Close(); err != nil {
		w.store.removeFile(name)
		return nil, fmt.Errorf("keep content: %w", err)
	}
	c.open = func() (io.ReadSeekCloser, error) { return os.Open(name) }
	w.store.add(c)
	runtime.AddCleanup(c, w.store.removeFile, name)
	return c, nil
}

func (s *contents) removeFile(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[name] {
		delete(s.files, name)
		os.Remove(name)
	}
}

// close removes every file that was made.
func (s *contents) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name := range s.files {
		errs = append(errs, os.Remove(name))
	}
	s.files = make(map[string]bool)
	return errors.Join(errs...)
}

// pattern makes a version of size bytes that are computed rather than stored.
func (s *contents) pattern(size int64, seed uint64) (*content, error) {
	m, h := md5.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(m, h), &patternReader{size: size, seed: seed}); err != nil {
		return nil, err
	}
	return s.add(&content{
		size: size, md5: hex.EncodeToString(m.Sum(nil)), sha256: hex.EncodeToString(h.Sum(nil)),
		open: func() (io.ReadSeekCloser, error) { return &patternReader{size: size, seed: seed}, nil },
	}), nil
}

// A patternReader reads bytes that depend only on their offset and a seed:
// eight at a time from a mixed counter, so that no two blocks are equal.
type patternReader struct {
	size, at int64
	seed     uint64
}

func (r *patternReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.size-r.at)]
	for done := 0; done < len(p); {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], mix(r.seed+uint64(r.at/8)))
		n := copy(p[done:], word[r.at%8:])
		done += n
		r.at += int64(n)
	}
	return len(p), nil
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (r *patternReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	r.at = offset
	return offset, nil
}

func (r *patternReader) Close() error { return nil }

type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }
