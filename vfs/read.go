package vfs

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/reading"
	"github.com/davdisk/davdisk/vfs/internal/chunks"
)

const (
	maxStreams  = 4         // open transfers per handle
	firstWindow = 128 << 10 // bytes that ReadAt requests at a new offset
	maxSkip     = 64 << 10  // bytes that are skipped rather than requested anew
	maxResumes  = 3         // how often in a row a broken transfer is resumed
)

// version is stored content that is open. Versions are compared by pointer.
type version struct{ backend.Content }

// reader reads stored content for one handle. Each offset that is being read
// from has a stream; sequential reads continue the same transfer. Read requests
// everything to the end of the file. ReadAt, whose callers may use random
// access, starts with a small window that doubles while access is sequential.
type reader struct {
	readAhead int64
	cache     *chunks.Cache // nil: none
	fetch     *fetcher

	mu      sync.Mutex
	content *version  // that streams and all below belong to
	streams []*stream // idle streams, most recently used last
	chunk   []byte    // the last chunk read from the cache
	index   int64     // its number
	closed  bool

	// With a hash to compare with, else nil: what was returned from the start on
	// is cached for others once all of it matches, what ReadAt has requested for
	// this reader only.
	check   *reading.Check
	checked int64             // bytes returned from the start on
	ranges  *chunks.Unchecked // nil without a cache

	kept *chunks.Writer // of what is returned; nil without a cache
}

// readAt is read that compares content which is read from its first to its last
// byte with its hash. The last bytes are returned only if it matches. Otherwise
// nothing that was read of the content is used again, and it is read anew, once,
// if none of it was returned.
func (r *reader) readAt(ctx context.Context, content *version, p []byte, off int64, onward bool) (int, error) {
	for again := false; ; again = true {
		n, err := r.read(ctx, content, p, off, onward)
		if err != nil && !errors.Is(err, io.EOF) || r.matches(content, p[:n], off, onward) {
			return n, err
		}
		if off > 0 || again || ctx.Err() != nil {
			return 0, errOtherBytes()
		}
	}
}

// matches reports whether what was read may be returned.
func (r *reader) matches(content *version, p []byte, off int64, onward bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.content != content:
		return true
	case r.check == nil:
		if r.kept != nil && onward {
			r.kept.Add(off, p)
		}
		return true
	}
	if off == 0 && r.checked > 0 {
		r.restart()
	}
	if off != r.checked || len(p) == 0 {
		return true // a range, which cannot be compared
	}
	size := content.Info().Size
	r.check.Write(p)
	if r.kept != nil {
		r.kept.Add(off, p)
	}
	if r.checked += int64(len(p)); r.checked < size {
		return true
	}
	if r.check.Matches() {
		if r.kept != nil {
			r.kept.Keep()
		}
		return true
	}
	if r.cache != nil {
		r.cache.Drop(content.Info().Version)
	}
	r.drop()
	return false
}

// restart begins to compare anew. The caller holds r.mu.
func (r *reader) restart() {
	r.check.Reset()
	r.checked = 0
	if r.kept != nil {
		info := r.content.Info()
		r.kept.Close()
		r.kept = r.cache.UncheckedWriter(info.Version, info.Size)
	}
}

// begin prepares for another content. The caller holds r.mu.
func (r *reader) begin(content *version) {
	r.drop()
	info := content.Info()
	r.content, r.check = content, reading.NewCheck(info.SHA256, info.MD5)
	switch {
	case r.cache == nil || r.closed: // nobody would close what is begun here
	case r.check == nil:
		r.kept = r.cache.WriterBeside(info.Version, info.Size)
	default:
		r.kept, r.ranges = r.cache.UncheckedWriter(info.Version, info.Size), r.cache.Unchecked(info.Version)
	}
}

// drop forgets what was read of the content. The caller holds r.mu.
func (r *reader) drop() {
	r.closeStreams()
	if r.kept != nil {
		r.kept.Close()
	}
	if r.ranges != nil {
		r.ranges.Discard()
	}
	r.content, r.chunk, r.check, r.kept, r.ranges = nil, nil, nil, nil, nil
	r.checked = 0
}

// read fills p from off, or returns what is available if onward is set. It
// returns io.EOF only at the end of the content.
func (r *reader) read(ctx context.Context, content *version, p []byte, off int64, onward bool) (int, error) {
	size := content.Info().Size
	if off >= size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), size-off)]
	s := r.take(content, off)
	done, resumes := 0, 0
	for done < len(want) && (done == 0 || !onward) {
		at := off + int64(done)
		if s == nil || s.pos >= s.end {
			if n := r.cached(content, want[done:], at); n > 0 {
				done += n
				continue
			}
			var err error
			if s, err = r.open(ctx, content, s, at, int64(len(want)-done), onward); err != nil {
				return done, err
			}
		}
		n, err := s.readFrom(at, want[done:])
		done += n
		if n > 0 {
			resumes = 0
		}
		if err == nil || s.pos == s.end {
			continue
		}
		s.close()
		s = nil
		if resumes++; resumes > maxResumes || ctx.Err() != nil || errors.Is(err, backend.ErrChanged) {
			return done, err
		}
	}
	r.give(s)
	if done == len(want) && len(want) < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// open starts a transfer at off that continues old, if any.
func (r *reader) open(ctx context.Context, content *version, old *stream, off, need int64, onward bool) (*stream, error) {
	size := content.Info().Size
	window := int64(firstWindow)
	if old != nil {
		old.close()
		window = min(2*old.window, r.readAhead)
	}
	window = max(window, need)
	var kept *chunks.Writer
	if !onward {
		kept = r.rangeWriter(content)
	}
	if kept != nil {
		// Only whole chunks can be cached.
		window += off % chunks.Size
		off -= off % chunks.Size
		window = max(window, chunks.Size)
	}
	if onward {
		window = size - off
	}
	window = min(window, size-off)
	var body io.ReadCloser
	var err error
	switch {
	case onward:
		body, err = r.fetch.open(ctx, content.Content, off)
	case off+window == size:
		body, err = content.Range(ctx, off, -1)
	default:
		body, err = content.Range(ctx, off, window)
	}
	if err != nil {
		return nil, err
	}
	return &stream{content: content, body: body, pos: off, end: off + window, window: window, kept: kept}, nil
}

// rangeWriter returns what caches a transfer that ReadAt has requested, or nil.
func (r *reader) rangeWriter(content *version) *chunks.Writer {
	r.mu.Lock()
	defer r.mu.Unlock()
	info := content.Info()
	switch {
	case r.cache == nil || r.closed || r.content != content:
		return nil
	case r.ranges != nil:
		return r.cache.Writer(info.Version, info.Size, r.ranges.Put)
	}
	return r.cache.Writer(info.Version, info.Size, func(index int64, data []byte) { r.cache.Put(info.Version, index, data) })
}

// cached reads from the cache, and returns the number of bytes.
func (r *reader) cached(content *version, p []byte, off int64) int {
	if r.cache == nil {
		return 0
	}
	index := off / chunks.Size
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.content != content {
		return 0
	}
	if r.chunk == nil || r.index != index {
		r.chunk, r.index = r.cache.Get(content.Info().Version, index, r.chunk), index
		if r.chunk == nil && r.ranges != nil {
			r.chunk = r.ranges.Get(index, nil)
		}
	}
	start := off % chunks.Size
	return copy(p, r.chunk[min(start, int64(len(r.chunk))):])
}

// take returns the idle stream at off, or at most maxSkip before it, or nil.
func (r *reader) take(content *version, off int64) *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.content != content {
		r.begin(content)
	}
	best := -1
	for i, s := range r.streams {
		if s.pos <= off && off-s.pos <= maxSkip && off <= s.end && (best < 0 || s.pos > r.streams[best].pos) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	s := r.streams[best]
	r.streams = append(r.streams[:best], r.streams[best+1:]...)
	return s
}

// give keeps a stream for the next read.
func (r *reader) give(s *stream) {
	if s == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.content != s.content || s.pos == s.content.Info().Size {
		s.close()
		return
	}
	r.streams = append(r.streams, s)
	if len(r.streams) > maxStreams {
		r.streams[0].close()
		r.streams = r.streams[1:]
	}
}

// close cancels all transfers.
func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.drop()
}

func (r *reader) closeStreams() {
	for _, s := range r.streams {
		s.close()
	}
	r.streams = nil
}

// stream is a transfer in progress.
type stream struct {
	content *version
	body    io.ReadCloser
	pos     int64 // of the next byte
	end     int64 // of the window
	window  int64

	kept *chunks.Writer // nil: not cached
}

// close ends the transfer.
func (s *stream) close() {
	s.body.Close()
	if s.kept != nil {
		s.kept.Close()
	}
}

// readFrom reads at off, after skipping what lies before it. A transfer that
// ends before its window does is an error.
func (s *stream) readFrom(off int64, p []byte) (int, error) {
	for s.pos < off {
		var skipped [16 << 10]byte
		if _, err := s.read(skipped[:min(int64(len(skipped)), off-s.pos)]); err != nil {
			return 0, err
		}
	}
	return s.read(p[:min(int64(len(p)), s.end-s.pos)])
}

func (s *stream) read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if s.kept != nil {
		s.kept.Add(s.pos, p[:n])
	}
	s.pos += int64(n)
	if errors.Is(err, io.EOF) && s.pos < s.end {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
