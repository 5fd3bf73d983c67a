package webdav

import (
	"errors"
	"strings"
	"sync"
)

// spaces are those of a file system, asked for once a request each, however many
// folders are listed.
type spaces struct {
	files files

	mu   sync.Mutex
	seen map[string]space // by folder of the root; "/": of all
}

// space is the outcome of Usage or UsageIn.
type space struct {
	total, used int64
	err         error
}

// in returns the space in which a name is, or errors.ErrUnsupported if the file
// system does not know it.
func (s *spaces) in(name string) space {
	s.mu.Lock()
	defer s.mu.Unlock()
	folder, _, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if u, ok := s.files.fs.(FolderUsager); ok && folder != "" {
		in := s.once("/"+folder, u.UsageIn)
		if !errors.Is(in.err, errors.ErrUnsupported) {
			return in
		}
	}
	u, ok := s.files.fs.(Usager)
	if !ok {
		return space{err: errors.ErrUnsupported}
	}
	return s.once("/", func(string) (total, used int64, err error) { return u.Usage() })
}

// once asks for a space that was not asked for yet. The caller holds s.mu.
func (s *spaces) once(folder string, ask func(string) (total, used int64, err error)) space {
	known, ok := s.seen[folder]
	if !ok {
		known.total, known.used, known.err = ask(folder)
		if s.seen == nil {
			s.seen = map[string]space{}
		}
		s.seen[folder] = known
	}
	return known
}
