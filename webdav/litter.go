package webdav

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/afero"
)

// A LitterMode selects what happens to the files that file managers leave
// behind: "._*", ".DS_Store", "Thumbs.db", "desktop.ini".
type LitterMode int

const (
	// LitterStore stores them like any other file.
	LitterStore LitterMode = iota
	// LitterLocal keeps them in the state folder, visible only to the file
	// managers that made them. They take at most 64 MiB; beyond that the oldest
	// are dropped.
	LitterLocal
	// LitterRefuse refuses to store them, with 403.
	LitterRefuse
)

// ParseLitterMode parses "store", "local" or "refuse".
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

// isLitter reports whether a name is of a file that file managers make for
// themselves.
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

const (
	// litterBound is how much litter is kept, in bytes.
	litterBound = 64 << 20
	// litterCost is added to the size of each file, so that empty ones are
	// bounded too.
	litterCost = 4 << 10
)

// litterStore keeps litter in a separate tree, in which each segment of a name
// is its hash, so that none is too long or invalid. When a folder of the share
// is moved or deleted, the tree follows.
type litterStore struct {
	afero.Fs
	plain plain
	// mu is held while the tree changes.
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

// hashed returns the name under which a file, or the content of a folder, is kept.
func hashed(name string) string {
	var kept strings.Builder
	for segment := range strings.SplitSeq(strings.TrimPrefix(name, "/"), "/") {
		sum := sha256.Sum256([]byte(segment))
		kept.WriteString("/" + hex.EncodeToString(sum[:16]))
	}
	return kept.String()
}

// named is an info with the name that the client knows.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return path.Base(n.name) }

func (l *litterStore) Open(name string) (afero.File, error) { return l.Fs.Open(hashed(name)) }

func (l *litterStore) Stat(name string) (fs.FileInfo, error) {
	info, err := l.Fs.Stat(hashed(name))
	return named{info, name}, err
}

func (l *litterStore) Chtimes(name string, atime, mtime time.Time) error {
	return l.Fs.Chtimes(hashed(name), atime, mtime)
}

// Mkdir is refused: only files are kept here.
func (l *litterStore) Mkdir(string, fs.FileMode) error { return errLitter }

func (l *litterStore) Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	content, err := io.ReadAll(io.LimitReader(body, litterBound/4+1))
	if err != nil {
		return nil, err
	}
	if len(content) > litterBound/4 {
		return nil, &fs.PathError{Op: "put", Path: name, Err: refuse(http.StatusInsufficientStorage, "too large to be kept aside")}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.makeRoom(int64(len(content))); err != nil {
		return nil, err
	}
	kept := hashed(name)
	if err := l.Fs.MkdirAll(path.Dir(kept), 0o700); err != nil {
		return nil, err
	}
	if _, err := l.plain.put(context.Background(), l.Fs, kept, bytes.NewReader(content), size, mtime, ifMatch, ifAbsent); err != nil {
		return nil, err
	}
	return l.Stat(name)
}

// makeRoom drops the oldest files until there is room for size bytes more.
func (l *litterStore) makeRoom(size int64) error {
	type keptFile struct {
		name string
		fs.FileInfo
	}
	var kept []keptFile
	err := afero.Walk(l.Fs, "/", func(name string, info fs.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			kept = append(kept, keptFile{name, info})
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(kept, func(a, b keptFile) int { return b.ModTime().Compare(a.ModTime()) })
	size += litterCost
	for _, file := range kept {
		if size += file.Size() + litterCost; size <= litterBound {
			continue
		}
		if err := l.remove(filepath.ToSlash(file.name)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file or a tree, and parents that become empty.
func (l *litterStore) remove(kept string) error {
	if err := l.Fs.RemoveAll(kept); err != nil {
		return err
	}
	return l.prune(path.Dir(kept))
}

func (l *litterStore) prune(folder string) error {
	for ; folder != "/"; folder = path.Dir(folder) {
		inside, err := afero.ReadDir(l.Fs, folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || len(inside) > 0 {
			return err
		}
		if err := l.Fs.Remove(folder); err != nil {
			return err
		}
	}
	return nil
}

func (l *litterStore) Move(from, to string, overwrite bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.Fs.MkdirAll(path.Dir(hashed(to)), 0o700); err != nil {
		return err
	}
	if err := l.plain.move(context.Background(), l.Fs, hashed(from), hashed(to), overwrite); err != nil {
		return err
	}
	return l.prune(path.Dir(hashed(from)))
}

func (l *litterStore) Delete(name, ifMatch string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.plain.delete(context.Background(), l.Fs, hashed(name), ifMatch); err != nil {
		return err
	}
	return l.prune(path.Dir(hashed(name)))
}

// moved follows a move of the share. A nil store keeps nothing. A moved
// name that is litter is not of this store.
func (l *litterStore) moved(from, to string) error {
	if l == nil || isLitter(from) {
		return nil
	}
	if err := l.deleted(to); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.Fs.Stat(hashed(from)); err != nil {
		return ignoreMissing(err)
	}
	if err := l.Fs.MkdirAll(path.Dir(hashed(to)), 0o700); err != nil {
		return err
	}
	if err := l.Fs.Rename(hashed(from), hashed(to)); err != nil {
		return err
	}
	return l.prune(path.Dir(hashed(from)))
}

// deleted follows a deletion of the share.
func (l *litterStore) deleted(name string) error {
	if l == nil || isLitter(name) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remove(hashed(name))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
