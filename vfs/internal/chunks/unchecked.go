package chunks

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
)

// Unchecked are chunks of one version that one reader has read, and that nobody
// else is given: they have not been compared with the hash of the content. It is
// safe for concurrent use.
type Unchecked struct {
	c       *Cache
	version string
	owner   string

	mu   sync.Mutex
	have map[int64]bool
}

// Unchecked returns an empty set. Keep or Discard ends it.
func (c *Cache) Unchecked(version string) *Unchecked {
	return &Unchecked{c: c, version: version, owner: rand.Text(), have: map[int64]bool{}}
}

// name is the file of a chunk that is not for others.
func (u *Unchecked) name(checked string) string {
	return filepath.Join(filepath.Dir(checked), newPrefix+u.owner+"-"+filepath.Base(checked))
}

// Get returns a chunk of this set, or nil, as [Cache.Get] does.
func (u *Unchecked) Get(index int64, buf []byte) []byte {
	u.mu.Lock()
	have := u.have[index]
	u.mu.Unlock()
	if !have {
		return nil
	}
	checked := fileName(u.version, index)
	return u.c.get(u.name(checked), checked, buf)
}

// Put adds a chunk, unless all have it. Errors are ignored, because a cache may
// miss. It does not retain data.
func (u *Unchecked) Put(index int64, data []byte) {
	checked := fileName(u.version, index)
	u.c.mu.Lock()
	_, there := u.c.byKey[checked]
	u.c.mu.Unlock()
	if there {
		return
	}
	u.mu.Lock()
	u.have[index] = true
	u.mu.Unlock()
	u.c.put(u.name(checked), checked, data)
}

// Keep gives the chunks to all: they were compared.
func (u *Unchecked) Keep() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for index := range u.have {
		checked := fileName(u.version, index)
		u.c.rename(u.name(checked), checked)
	}
	clear(u.have)
}

// Discard removes the chunks.
func (u *Unchecked) Discard() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for index := range u.have {
		u.c.mu.Lock()
		u.c.remove(u.name(fileName(u.version, index)))
		u.c.mu.Unlock()
	}
	clear(u.have)
}

// rename gives a chunk another file, unless that is there.
func (c *Cache) rename(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.byKey[from]
	if !ok {
		return
	}
	if _, there := c.byKey[to]; there || os.Rename(filepath.Join(c.dir, from), filepath.Join(c.dir, to)) != nil {
		c.remove(from)
		return
	}
	delete(c.byKey, from)
	at.Value = entry{to, at.Value.(entry).size}
	c.byKey[to] = at
}
