package memory

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"mime"
	"path"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// node is a file or a folder, which alone has children (never nil then).
type node struct {
	id       string
	children map[string]*node
	data     []byte // never written to, only replaced
	version  string // half of sha256: entity tags are made of it, and some clients have small buffers for those
	sha256   string
	md5      string
	created  time.Time
	modTime  time.Time
	props    map[string]string
}

func (b *Backend) newDir() *node {
	b.lastID++
	now := b.opts.Now()
	return &node{id: strconv.FormatUint(b.lastID, 10), children: map[string]*node{}, created: now, modTime: now}
}

func (b *Backend) newFile() *node {
	n := b.newDir()
	n.children = nil
	return n
}

func (n *node) setData(data []byte) {
	n.data = data
	sum := sha256.Sum256(data)
	n.sha256 = hex.EncodeToString(sum[:])
	n.version = versionOf(n.sha256)
	weak := md5.Sum(data)
	n.md5 = hex.EncodeToString(weak[:])
}

func (n *node) info(name string) backend.Info {
	info := backend.Info{
		Name: name, Dir: n.children != nil, ModTime: n.modTime, Created: n.created, ID: n.id,
	}
	if !info.Dir {
		info.Size = int64(len(n.data))
		info.Version, info.SHA256, info.MD5 = n.version, n.sha256, n.md5
		info.ContentType = mime.TypeByExtension(path.Ext(name))
	}
	return info
}

// size returns the size of all files in the tree.
func (n *node) size() int64 {
	total := int64(len(n.data))
	for _, child := range n.children {
		total += child.size()
	}
	return total
}

// clone copies a tree: same content, times and properties, new identities.
func (b *Backend) clone(n *node) *node {
	b.lastID++
	c := *n
	c.id = strconv.FormatUint(b.lastID, 10)
	c.created = b.opts.Now()
	c.props = maps.Clone(n.props)
	if n.children != nil {
		c.children = make(map[string]*node, len(n.children))
		for name, child := range n.children {
			c.children[name] = b.clone(child)
		}
	}
	return &c
}

// versionOf returns the first half of a hash.
func versionOf(sha256 string) string { return sha256[:min(len(sha256), 32)] }
