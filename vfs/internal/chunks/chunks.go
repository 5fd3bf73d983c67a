// Package chunks caches pieces of content on disk.
//
// A piece is keyed by the version of the content it belongs to, never by a name,
// so it is never stale. What was read of a version is for its reader alone until
// all of it has been compared with its hash ([Unchecked]). Each has its own
// checksum: one that a crash has truncated, or the disk has damaged, is not used.
// The folder may be deleted at any time.
package chunks

import (
	"bytes"
	"cmp"
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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
	suffix = ".crc"
	// earlierSuffix and oldSuffix ended the names of chunks of other formats, the
	// first of which may not have been compared with the hash of their content.
	earlierSuffix, oldSuffix = ".chunk", ".bytes"
	// newPrefix begins the names of files that are of no use to others, or to a later run.
	newPrefix = "new-"
	// sumSize is the length in bytes of the checksum at the end of a file.
	sumSize = crc32.Size
	// shares is how many versions fill the cache, at least: one large file must
	// not evict all others.
	shares = 4
)

// Cache is a folder of chunks of limited total size. The least recently used
// chunks are evicted first; a version that has its share of it gets no more. It
// is safe for concurrent use.
type Cache struct {
	dir     string
	max     int64
	buffers buffers

	mu    sync.Mutex // guards all below
	byKey map[string]*list.Element
	order *list.List // of entry, most recently used first
	total int64
	used  map[string]int64 // bytes by version, as versionKey names it
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
	c := &Cache{dir: dir, max: max, byKey: map[string]*list.Element{}, order: list.New(), used: map[string]int64{}}
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
		case strings.HasPrefix(d.Name(), newPrefix), strings.HasSuffix(name, earlierSuffix), strings.HasSuffix(name, oldSuffix):
			os.Remove(name) // incomplete, not compared with anything, or of no use
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
		c.count(f.entry, 1)
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

// versionKey is what the names of the chunks of one version have in common.
func versionKey(name string) string {
	base := filepath.Base(name)
	key := base[:max(0, strings.LastIndexByte(base, '-'))]
	return key[strings.LastIndexByte(key, '-')+1:]
}

// castagnoli is the polynomial that processors have instructions for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the name of the chunk as well as its bytes, so that one file
// cannot be mistaken for another. It finds damage, as that of a hard disk does;
// whether content is what the store has is told by its own hash.
func checksum(name string, data []byte) []byte {
	sum := crc32.Checksum(fmt.Appendf(nil, "%d %s\n", len(data), filepath.ToSlash(name)), castagnoli)
	return binary.BigEndian.AppendUint32(nil, crc32.Update(sum, castagnoli, data))
}

// Get returns a chunk, or nil if it is not cached. It is in buf if that has room
// for it, and else in a slice that the caller owns.
func (c *Cache) Get(version string, index int64, buf []byte) []byte {
	name := fileName(version, index)
	return c.get(name, name, buf)
}

// get reads the file of a chunk, which may have another name than its checksum
// says.
func (c *Cache) get(name, checked string, buf []byte) []byte {
	c.mu.Lock()
	at, ok := c.byKey[name]
	var size int64
	if ok {
		c.order.MoveToFront(at)
		size = at.Value.(entry).size
	}
	c.mu.Unlock()
	if !ok {
		return nil
	}
	if data, err := readFile(filepath.Join(c.dir, name), size, buf); err == nil && size > sumSize {
		content, sum := data[:size-sumSize], data[size-sumSize:]
		if bytes.Equal(sum, checksum(checked, content)) {
			return content
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(name)
	return nil
}

// readFile reads the first size bytes of a file, into buf if that has room.
func readFile(name string, size int64, buf []byte) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	_, err = io.ReadFull(f, buf[:size])
	return buf[:size], err
}

// Put caches a chunk. Errors are ignored, because a cache may miss. It does not
// retain data.
func (c *Cache) Put(version string, index int64, data []byte) {
	u := c.Unchecked(version)
	u.Put(index, data)
	u.Keep()
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

// wants reports whether a chunk of size bytes, if put, would be cached now.
func (c *Cache) wants(version string, index, size int64) bool {
	return c.wantsFile(fileName(version, index), size+sumSize)
}

func (c *Cache) wantsFile(name string, size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, have := c.byKey[name]
	used := c.used[versionKey(name)]
	return !have && size <= c.max && (used == 0 || used+size <= c.max/shares)
}

// put writes the file of a chunk of an owner, which has another name than its
// checksum says.
func (c *Cache) put(name, checked string, data []byte) {
	e := entry{name, int64(len(data) + sumSize)}
	if !c.wantsFile(name, e.size) {
		return
	}
	if c.write(name, checked, data) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byKey[name] = c.order.PushFront(e)
	c.count(e, 1)
	c.evict()
}

// count adds an entry to what is used, or subtracts it. The caller holds c.mu.
func (c *Cache) count(e entry, sign int64) {
	key := versionKey(e.name)
	c.total += sign * e.size
	if c.used[key] += sign * e.size; c.used[key] == 0 {
		delete(c.used, key)
	}
}

// write makes the file of a chunk. Its owner alone makes and reads it until it is
// given to all; a later run removes it, or finds that it has not its checksum.
func (c *Cache) write(name, checked string, data []byte) error {
	full := filepath.Join(c.dir, name)
	create := func() (*os.File, error) { return os.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) }
	f, err := create()
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			return err
		}
		f, err = create()
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		_, err = f.Write(checksum(checked, data))
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(full)
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
	c.count(at.Value.(entry), -1)
	c.order.Remove(at)
	delete(c.byKey, name)
	os.Remove(filepath.Join(c.dir, name))
}
