package vfs_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// turnstile lets changes in while it is open, and knows how many are in at a
// time.
type turnstile struct {
	mu     sync.Mutex // guards all below
	closed chan struct{}
	in     int
	most   int
}

// shut keeps changes from going on until open is called.
func (s *turnstile) shut() (open func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.most = make(chan struct{}), 0
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.closed)
		s.closed = nil
	}
}

func (s *turnstile) pass(change func() error) error {
	s.mu.Lock()
	s.in++
	s.most = max(s.most, s.in)
	closed := s.closed
	s.mu.Unlock()
	if closed != nil {
		<-closed
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.in--
	}()
	return change()
}

// TestOneChangeOfANameAtATime begins every change beside every other one of
// the same names, or of what lies below: the store sees them one by one.
func TestOneChangeOfANameAtATime(t *testing.T) {
	changes := map[string]func(f *vfs.FS) error{
		"put": func(f *vfs.FS) error {
			_, err := f.Put("/d/a", strings.NewReader("put"), 3, time.Time{}, "", false)
			return err
		},
		"close": func(f *vfs.FS) error {
			h, err := f.OpenFile("/d/a", os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			return h.Close()
		},
		"mkdir":       func(f *vfs.FS) error { return f.Mkdir("/d/a", 0o777) },
		"set a time":  func(f *vfs.FS) error { return f.Chtimes("/d/a", time.Unix(1, 0), time.Unix(1, 0)) },
		"set props":   func(f *vfs.FS) error { return f.SetProperties("/d/a", map[string]string{"{x}y": "z"}, nil) },
		"remove":      func(f *vfs.FS) error { return f.Remove("/d/a") },
		"delete all":  func(f *vfs.FS) error { return f.Delete("/d", "") },
		"rename from": func(f *vfs.FS) error { return f.Rename("/d/a", "/d/b") },
		"rename to":   func(f *vfs.FS) error { return f.Rename("/c", "/d/a") },
		"move above":  func(f *vfs.FS) error { return f.Move("/d", "/e", false) },
		"copy from":   func(f *vfs.FS) error { return f.Copy("/d/a", "/d/b", true, -1) },
		"copy to":     func(f *vfs.FS) error { return f.Copy("/c", "/d/a", true, -1) },
	}
	for first, begin := range changes {
		for second, follow := range changes {
			synctest.Test(t, func(t *testing.T) {
				s := new(turnstile)
				f := newFS(t, hooked{memory.New(memory.Options{}), s.pass})
				if err := f.Mkdir("/d", 0o777); err != nil {
					t.Fatal(err)
				}
				write(t, f, "/d/a", "old")
				write(t, f, "/c", "other")
				open := s.shut()
				var both sync.WaitGroup
				both.Go(func() { begin(f) })
				synctest.Wait()
				both.Go(func() { follow(f) }) // which may fail now: there may be nothing left to change
				synctest.Wait()
				open()
				both.Wait()
				if s.most != 1 {
					t.Errorf("%s, then %s: %d changes were under way at once", first, second, s.most)
				}
			})
		}
	}
}
