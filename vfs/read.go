package vfs

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

const (
	maxStreams  = 4         // transfers that one handle keeps open
	firstWindow = 128 << 10 // bytes that ReadAt asks for at a new place
	maxSkip     = 64 << 10  // bytes that are read over rather than asked for anew
	maxResumes  = 3         // how often a broken transfer is taken up again
)

// version is stored content that is open; two are the same if the pointers are.
type version struct{ backend.Content }

// reader reads stored content for one handle. Each place in the content that
// is being read has a stream; reading on there goes on with the same transfer.
// Read streams to the end of the file at once. ReadAt, whose callers may jump
// about, begins with a small window that doubles while it reads on.
type reader struct {
	readAhead int64

	mu      sync.Mutex
	content *version  // what the streams are of
	streams []*stream // idle ones, most recently used last
	closed  bool
}

// stream is a transfer under way.
type stream struct {
	content *version
	body    io.ReadCloser
	pos     int64 // of the next byte
	end     int64 // of the window
	window  int64
}

// readAt fills p from off. It gives io.EOF only at the end of the content.
func (r *reader) readAt(ctx context.Context, content *version, p []byte, off int64, onward bool) (int, error) {
	size := content.Info().Size
	if off >= size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), size-off)]
	s := r.take(content, off)
	done := 0
	for resumes := 0; done < len(want); {
		at := off + int64(done)
		if s == nil || at >= s.end {
			var err error
			if s, err = r.open(ctx, content, s, at, int64(len(want)-done), onward); err != nil {
				return done, err
			}
		}
		n, err := s.body.Read(want[done:min(int64(len(want)), int64(done)+s.end-at)])
		done += n
		s.pos += int64(n)
		switch {
		case n > 0 && onward:
			// Read may return less; what is there is there.
			if err != nil && !errors.Is(err, io.EOF) {
				s.body.Close()
				return done, nil
			}
			r.give(s)
			return done, nil
		case n > 0:
			resumes = 0
		}
		if err == nil || s.pos == s.end {
			continue
		}
		s.body.Close()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if resumes++; resumes > maxResumes || ctx.Err() != nil || errors.Is(err, backend.ErrChanged) {
			return done, err
		}
		s = nil
	}
	r.give(s)
	if len(want) < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// open begins a transfer at off that goes on where old, if any, has ended.
func (r *reader) open(ctx context.Context, content *version, old *stream, off, need int64, onward bool) (*stream, error) {
	size := content.Info().Size
	window := int64(firstWindow)
	if old != nil {
		old.body.Close()
		window = min(2*old.window, r.readAhead)
	}
	window = max(window, need)
	if onward {
		window = size - off
	}
	window = min(window, size-off)
	length := window
	if off+window == size {
		length = -1
	}
	body, err := content.Range(ctx, off, length)
	if err != nil {
		return nil, err
	}
	return &stream{content: content, body: body, pos: off, end: off + window, window: window}, nil
}

// take gives the stream that stands at off, or a little before it.
func (r *reader) take(content *version, off int64) *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.content != content {
		r.closeStreams()
		r.content = content
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
	if skip := off - s.pos; skip > 0 {
		n, err := io.CopyN(io.Discard, s.body, skip)
		s.pos += n
		if err != nil {
			s.body.Close()
			return nil
		}
	}
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
		s.body.Close()
		return
	}
	r.streams = append(r.streams, s)
	if len(r.streams) > maxStreams {
		r.streams[0].body.Close()
		r.streams = r.streams[1:]
	}
}

// close ends all transfers.
func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.closeStreams()
}

func (r *reader) closeStreams() {
	for _, s := range r.streams {
		s.body.Close()
	}
	r.streams = nil
}
