// Package chunks caches pieces of content on disk.
//
// A piece is keyed by the version of the content it belongs to, never by a name,
// so it is never stale. What was read of a version is for its reader alone until
// all of it has been compared with its hash ([Unchecked]). Each has its own checksum: one that a crash has
// truncated, or the disk has damaged, is not used. The folder may be deleted at
// any time.
package chunks

import (
	"bytes"
	"cmp"
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Size is the size in bytes of every chunk of a file but the last.
const Size = 256 << 10

const (
	// suffix ends the names of complete files.
	suffix = ".bytes"
	// earlierSuffix ended the names of chunks that may not have been compared
	// with the hash of their content.
	earlierSuffix = ".chunk"
	// newPrefix begins the names of files that are of no use to others.
	newPrefix = "new-"
)

// Cache is a folder of chunks of limited total size. The least recently used
// chunks are evicted first. It is safe for concurrent use.
type Cache struct {
	dir string
	max int64

	mu    sync.Mutex // guards all below
	byKey map[string]*list.Element
	order *list.List // of entry, most recently used first
	total int64
}

type entry struct {
	name string
	size int64
}

// Open opens the cache in dir, which is created if it does not exist, for at
// most max bytes. Existing chunks are used.
func Open(dir string, max int64) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the content cache: %w", err)
	}
	c := &Cache{dir: dir, max: max, byKey: map[string]*list.Element{}, order: list.New()}
	if err := c.scan(); err != nil {
		return nil, fmt.Errorf("open the content cache: %w", err)
	}
	return c, nil
}

// scan finds the chunks that a previous run has left.
func (c *Cache) scan() error {
	type found struct {
		entry
		used time.Time
	}
	var all []found
	err := filepath.WalkDir(c.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // removed by another
		}
		switch rel, _ := filepath.Rel(c.dir, name); {
		case strings.HasPrefix(d.Name(), newPrefix), strings.HasSuffix(name, earlierSuffix):
			os.Remove(name) // incomplete, or not compared with anything
		case strings.HasSuffix(name, suffix):
			all = append(all, found{entry{rel, info.Size()}, info.ModTime()})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(b.used.UnixNano(), a.used.UnixNano()) })
	for _, f := range all {
		c.byKey[f.name] = c.order.PushBack(f.entry)
		c.total += f.size
	}
	c.evict()
	return nil
}

// fileName returns the file of a chunk, relative to the folder.
func fileName(version string, index int64) string {
	sum := sha256.Sum256([]byte(version))
	key := hex.EncodeToString(sum[:])
	return filepath.Join(key[:2], fmt.Sprintf("%s-%x%s", key, index, suffix))
}

// checksum covers the name of the chunk as well as its bytes, so that one file
// cannot be mistaken for another.
func checksum(name string, data []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s\n", len(data), filepath.ToSlash(name))
	h.Write(data)
	return h.Sum(nil)
}

// Get returns a chunk, or nil if it is not cached. The caller owns the slice.
func (c *Cache) Get(version string, index int64) []byte {
	name := fileName(version, index)
	return c.get(name, name)
}

// get reads the file of a chunk, which may have another name than its checksum
// says.
func (c *Cache) get(name, checked string) []byte {
	c.mu.Lock()
	at, ok := c.byKey[name]
	if ok {
		c.order.MoveToFront(at)
	}
	c.mu.Unlock()
	if !ok {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if err == nil && len(data) > sha256.Size {
		sum, content := data[:sha256.Size], data[sha256.Size:]
		if bytes.Equal(sum, checksum(checked, content)) {
			return content
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(name)
	return nil
}

// Put caches a chunk. Errors are ignored, because a cache may miss. It does not
// retain data.
func (c *Cache) Put(version string, index int64, data []byte) {
	name := fileName(version, index)
	c.put(name, name, data)
}

// Drop removes all chunks of a version.
func (c *Cache) Drop(version string) {
	prefix, _, _ := strings.Cut(fileName(version, 0), "-")
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.byKey {
		if strings.HasPrefix(name, prefix+"-") {
			c.remove(name)
		}
	}
}

// put writes the file of a chunk, which may have another name than its checksum
// says.
func (c *Cache) put(name, checked string, data []byte) {
	c.mu.Lock()
	_, ok := c.byKey[name]
	c.mu.Unlock()
	if ok || int64(len(data)+sha256.Size) > c.max {
		return
	}
	if c.write(name, checked, data) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[name]; ok {
		return
	}
	size := int64(len(data) + sha256.Size)
	c.byKey[name] = c.order.PushFront(entry{name, size})
	c.total += size
	c.evict()
}

func (c *Cache) write(name, checked string, data []byte) error {
	full := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(full), newPrefix+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(checksum(checked, data))
	if err == nil {
		_, err = f.Write(data)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), full)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// evict removes chunks until the limit is met. The caller holds c.mu.
func (c *Cache) evict() {
	for c.total > c.max {
		c.remove(c.order.Back().Value.(entry).name)
	}
}

// remove deletes a chunk. The caller holds c.mu.
func (c *Cache) remove(name string) {
	at, ok := c.byKey[name]
	if !ok {
		return
	}
	c.total -= at.Value.(entry).size
	c.order.Remove(at)
	delete(c.byKey, name)
	os.Remove(filepath.Join(c.dir, name))
}
