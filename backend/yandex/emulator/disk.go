package emulator

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
)

// A node is a file or folder of the disk or the trash. It is guarded by the
// emulator's lock.
type node struct {
	name       string
	parent     *node
	children   map[string]*node // nil for a file
	sorted     []*node          // children in the order of listings, nil if to be made
	content    *content         // nil for a folder
	created    time.Time
	modified   time.Time
	stored     time.Time // when the content was uploaded, for knobs that delay its effects
	revision   int64
	id         string // resource_id
	properties object
	patched    bool // properties were set once: from then on empty ones are shown as null
	shared     *share
	entry      string // name in the trash, for its direct entries
	origin     string // path before deletion
	deleted    time.Time
}

func (n *node) isDir() bool { return n.content == nil }

// root is the disk's or trash's root above n.
func (n *node) root() *node {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// list returns the children: folders first, then files, by code points.
func (n *node) list() []*node {
	if n.sorted == nil {
		n.sorted = slices.SortedFunc(maps.Values(n.children), func(a, b *node) int {
			if a.isDir() != b.isDir() {
				if a.isDir() {
					return -1
				}
				return 1
			}
			return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.entry, b.entry))
		})
	}
	return n.sorted
}

// walk calls f for n and all below it, parents first.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, child := range n.list() {
		child.walk(f)
	}
}

func (n *node) size() int64 {
	var sum int64
	n.walk(func(n *node) {
		if n.content != nil {
			sum += n.content.size
		}
	})
	return sum
}

// disk is the tree, the trash and their totals. It is guarded by the
// emulator's lock.
type disk struct {
	root, trash *node
	used        int64 // bytes, the trash included
	trashed     int64
	revision    int64
	now         func() time.Time
	newID       func() string
	dropped     func(*content) // a version that no node holds any more
}

// rootTime is the creation time of the root of every account.
var rootTime = time.Date(2012, time.April, 4, 20, 0, 0, 0, time.UTC)

func newDisk(now func() time.Time, newID func() string, dropped func(*content)) *disk {
	d := &disk{now: now, newID: newID, dropped: dropped}
	newRoot := func(name string) *node {
		return &node{name: name, children: make(map[string]*node), created: rootTime, modified: rootTime, revision: d.nextRevision(), id: newID()}
	}
	d.root, d.trash = newRoot("disk"), newRoot("trash")
	return d
}

// nextRevision returns the time in microseconds, strictly increasing.
func (d *disk) nextRevision() int64 {
	d.revision = max(d.revision+1, d.now().UnixMicro())
	return d.revision
}

// second returns the time with the precision of the service.
func (d *disk) second() time.Time { return d.now().UTC().Truncate(time.Second) }

// find returns the node at a path, nil if there is none.
func (d *disk) find(p diskPath, fold bool) *node {
	var at *node
	switch p.area {
	case "disk":
		at = d.root
	case "trash":
		at = d.trash
	default:
		return nil
	}
	for _, part := range p.parts {
		if at = at.child(part, fold); at == nil {
			return nil
		}
	}
	return at
}

func (n *node) child(name string, fold bool) *node {
	if child, ok := n.children[name]; ok || !fold {
		return child
	}
	for _, child := range n.children {
		if strings.EqualFold(child.name, name) {
			return child
		}
	}
	return nil
}

// attach adds n to parent under its name, or under its entry in the trash.
func (d *disk) attach(parent, n *node) {
	key := cmp.Or(n.entry, n.name)
	parent.children[key] = n
	parent.sorted = nil
	n.parent = parent
	size := n.size()
	d.used += size
	if parent.root() == d.trash {
		d.trashed += size
	}
}

// detach removes n from its folder; n keeps its content.
func (d *disk) detach(n *node) {
	size := n.size()
	d.used -= size
	if n.root() == d.trash {
		d.trashed -= size
	}
	delete(n.parent.children, cmp.Or(n.entry, n.name))
	n.parent.sorted = nil
	n.parent = nil
}

// destroy permanently removes n and everything below it.
func (d *disk) destroy(n *node) {
	d.detach(n)
	n.walk(func(n *node) {
		if n.content != nil {
			d.dropped(n.content)
		}
	})
	d.nextRevision()
}

// newNode makes a node that is not attached yet: a folder if c is nil.
func (d *disk) newNode(name string, c *content) *node {
	now := d.second()
	n := &node{name: name, content: c, created: now, modified: now, stored: d.now(), revision: d.nextRevision(), id: d.newID()}
	if c == nil {
		n.children = make(map[string]*node)
	}
	return n
}

// discard moves n to the trash.
func (d *disk) discard(n *node, k Knobs) {
	origin := d.path(n)
	d.detach(n)
	n.origin, n.deleted = origin, d.second()
	n.revision = d.nextRevision()
	if !k.TrashKeepsModified {
		n.modified = n.deleted
	}
	n.shared = nil
	n.entry = n.name
	if _, taken := d.trash.children[n.name]; taken || !k.TrashSuffixless {
		digest := sha1.Sum([]byte(n.id + d.newID()))
		n.entry = n.name + "_" + hex.EncodeToString(digest[:])
	}
	d.attach(d.trash, n)
}

// path returns the full path of n with its scheme.
func (d *disk) path(n *node) string {
	if n.parent == nil {
		return n.name + ":/"
	}
	var parts []string
	at := n
	for ; at.parent != nil; at = at.parent {
		parts = append(parts, cmp.Or(at.entry, at.name))
	}
	slices.Reverse(parts)
	return at.name + ":/" + strings.Join(parts, "/")
}

// copyTree returns a copy of n and everything below it, not attached yet.
func (d *disk) copyTree(n *node, name string, k Knobs) *node {
	c := d.newNode(name, n.content)
	if !k.CopyDropsProperties {
		c.properties, c.patched = n.properties, n.patched
	}
	for _, child := range n.list() {
		copied := d.copyTree(child, child.name, k)
		c.children[copied.name] = copied
		copied.parent = c
	}
	return c
}

// touchParent records that the children of n changed.
func (d *disk) touchParent(n *node, k Knobs) {
	if k.FolderModified && n.parent != nil {
		n.modified = d.second()
		n.revision = d.nextRevision()
	}
}
