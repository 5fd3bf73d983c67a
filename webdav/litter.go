package webdav

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/afero"
)

// A LitterMode decides what happens to the files that file managers strew
// about: "._*", ".DS_Store", "Thumbs.db", "desktop.ini".
type LitterMode int

const (
	// LitterStore stores them like any other file.
	LitterStore LitterMode = iota
	// LitterLocal keeps them in the state folder for the file managers that
	// made them; nobody else sees them. They take 64 MiB at most, then the
	// oldest are dropped.
	LitterLocal
	// LitterRefuse refuses to store them, with 403.
	LitterRefuse
)

// ParseLitterMode reads "store", "local" or "refuse".
func ParseLitterMode(s string) (LitterMode, error) {
	switch s {
	case "store":
		return LitterStore, nil
	case "local":
		return LitterLocal, nil
	case "refuse":
		return LitterRefuse, nil
	}
	return LitterStore, fmt.Errorf("litter mode %q: want store, local or refuse", s)
}

// isLitter tells whether a file manager made a file for itself.
func isLitter(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch base {
	case ".ds_store", "thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(base, "._")
}

// errLitter refuses to store litter.
var errLitter = refuse(http.StatusForbidden, "the files that file managers keep for themselves are not stored here")

// litterBound is how much litter is kept, in bytes.
const litterBound = 64 << 20

// litterStore keeps litter in one flat folder, each file under the hash of its
// whole name, so that no name is too long or strange for it. It does not
// follow when a folder is moved; what is left behind is dropped in time.
type litterStore struct {
	afero.Fs
	plain plain
	// mu guards the bound: only one file at a time is added.
	mu sync.Mutex
}

// newLitterStore keeps litter in dir, or in memory if dir is "".
func newLitterStore(dir string) (*litterStore, error) {
	if dir == "" {
		return &litterStore{Fs: afero.NewMemMapFs()}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &litterStore{Fs: afero.NewBasePathFs(afero.NewOsFs(), dir)}, nil
}

// flat is the name under which a file is kept.
func flat(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "/" + hex.EncodeToString(sum[:])
}

// named gives an info the name that the client knows.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return path.Base(n.name) }

func (l *litterStore) Open(name string) (afero.File, error) { return l.Fs.Open(flat(name)) }

func (l *litterStore) Stat(name string) (fs.FileInfo, error) {
	info, err := l.Fs.Stat(flat(name))
	return named{info, name}, err
}

func (l *litterStore) Chtimes(name string, atime, mtime time.Time) error {
	return l.Fs.Chtimes(flat(name), atime, mtime)
}

func (l *litterStore) Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	content, err := io.ReadAll(io.LimitReader(body, litterBound/4+1))
	if err != nil {
		return nil, err
	}
	if len(content) > litterBound/4 {
		return nil, &fs.PathError{Op: "put", Path: name, Err: refuse(http.StatusInsufficientStorage, "too large to be kept aside")}
	}
	if err := l.makeRoom(int64(len(content))); err != nil {
		return nil, err
	}
	_, err = l.plain.put(l.Fs, flat(name), strings.NewReader(string(content)), size, mtime, ifMatch, ifAbsent)
	if err != nil {
		return nil, err
	}
	return l.Stat(name)
}

// makeRoom drops the oldest files until there is room for size bytes more.
func (l *litterStore) makeRoom(size int64) error {
	kept, err := afero.ReadDir(l.Fs, "/")
	if err != nil {
		return err
	}
	slices.SortFunc(kept, func(a, b fs.FileInfo) int { return cmp.Compare(b.ModTime().UnixNano(), a.ModTime().UnixNano()) })
	for _, file := range kept {
		if size += file.Size(); size <= litterBound {
			continue
		}
		if err := l.Fs.Remove("/" + file.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (l *litterStore) Move(from, to string, overwrite bool) error {
	return l.plain.move(l.Fs, flat(from), flat(to), overwrite)
}

func (l *litterStore) Delete(name, ifMatch string) error {
	return l.plain.delete(l.Fs, flat(name), ifMatch)
}
