package vfs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"sync"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
)

// still is the content of a file that nobody changes.
var still = strings.Repeat("0123456789abcdef", 20_000)

// sharedHandles are handles that several goroutines use at once.
type sharedHandles struct {
	mu   sync.Mutex // guards the field below
	open [4]afero.File
}

// use does something with one of the handles, which it opens if it is not.
func (s *sharedHandles) use(g *stormer) {
	at := g.random.IntN(len(s.open))
	s.mu.Lock()
	h := s.open[at]
	s.mu.Unlock()
	var err error
	if h == nil {
		switch at {
		case 0, 1:
			h, err = g.f.Open("/still")
		case 2:
			h, err = g.f.OpenFile("/slots", os.O_RDWR, 0)
		case 3:
			h, err = g.f.Open("/own")
		}
		if err != nil {
			g.t.Errorf("%d: %v", g.id, err)
			return
		}
		s.mu.Lock()
		other := s.open[at]
		s.open[at] = h
		s.mu.Unlock()
		if other != nil {
			err = other.Close()
		}
		g.tolerate("close", err, fs.ErrClosed)
	}
	switch g.random.IntN(8) {
	case 0:
		s.mu.Lock()
		if s.open[at] == h {
			s.open[at] = nil
		}
		s.mu.Unlock()
		g.tolerate("close", h.Close(), fs.ErrClosed)
	case 1:
		_, err = h.Stat()
		g.tolerate("stat", err, fs.ErrClosed)
	case 2:
		_, err = h.Seek(0, io.SeekStart)
		g.tolerate("seek", err, fs.ErrClosed)
	case 3:
		_, _, err = g.bound.Usage()
		g.tolerate("usage", err, errors.ErrUnsupported)
	default:
		s.access(g, at, h)
	}
}

func (s *sharedHandles) access(g *stormer, at int, h afero.File) {
	buf := make([]byte, 1+rand.IntN(3000))
	switch {
	case at == 2 && g.random.IntN(2) == 0:
		g.writePart(h)
	case at == 3:
		_, err := h.Readdir(1 + g.random.IntN(5))
		g.tolerate("readdir", err, fs.ErrClosed, io.EOF)
	case at == 2 || g.random.IntN(2) == 0:
		n, err := h.Read(buf)
		g.tolerate("read", err, fs.ErrClosed, io.EOF, backend.ErrChanged)
		if at != 2 && n > 0 && !strings.Contains(still, string(buf[:n])) {
			g.t.Errorf("%d: what was read is not in the file: %q", g.id, buf[:n])
		}
	default:
		off := g.random.IntN(len(still))
		n, err := h.ReadAt(buf, int64(off))
		g.tolerate("read", err, fs.ErrClosed, io.EOF)
		if got := string(buf[:n]); got != still[off:off+n] {
			g.t.Errorf("%d: at %d is %q", g.id, off, got)
		}
	}
}

func (s *sharedHandles) close() {
	for _, h := range s.open {
		if h != nil {
			h.Close()
		}
	}
}

// readRange reads a part of stored content.
func readRange(content backend.Content, off, length int64) (string, error) {
	body, err := content.Range(context.Background(), off, length)
	if err != nil {
		return "", err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return string(data), err
}
