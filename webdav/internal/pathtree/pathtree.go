// Package pathtree is a map from slash-separated paths to values that also
// answers for whole subtrees: what is above a path, below it, directly in it.
//
// A path is absolute and clean, "/" is the root; Clean returns the clean form.
// A Tree is not safe for concurrent use.
package pathtree

import (
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
)

// A Tree maps paths to values. Its zero value is empty and ready for use.
type Tree[V any] struct {
	root node[V]
	len  int
}

type node[V any] struct {
	value    *V
	children map[string]*node[V]
}

// Clean returns the form of a path that a Tree uses: absolute, no trailing
// slash, no empty, "." or ".." segments.
func Clean(name string) string {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	return path.Clean(name) // which copies nothing that is clean
}

// Within reports whether a path lies below a folder. Both must be clean.
func Within(name, folder string) bool {
	if folder == "/" {
		return name != "/"
	}
	return len(name) > len(folder) && name[len(folder)] == '/' && strings.HasPrefix(name, folder)
}

// Len returns the number of values.
func (t *Tree[V]) Len() int { return t.len }

// Get returns the value at a path.
func (t *Tree[V]) Get(name string) (V, bool) {
	if t.len > 0 { // else there is nothing to look for
		if n := t.find(name); n != nil && n.value != nil {
			return *n.value, true
		}
	}
	var none V
	return none, false
}

// Set stores a value at a path.
func (t *Tree[V]) Set(name string, value V) {
	n := &t.root
	for part := range parts(name) {
		child := n.children[part]
		if child == nil {
			child = &node[V]{}
			if n.children == nil {
				n.children = map[string]*node[V]{}
			}
			n.children[part] = child
		}
		n = child
	}
	if n.value == nil {
		t.len++
	}
	n.value = &value
}

// Delete removes the value at a path, but nothing below it.
func (t *Tree[V]) Delete(name string) {
	n := t.find(name)
	if n == nil || n.value == nil {
		return
	}
	n.value = nil
	t.len--
	t.prune(name)
}

// Cut removes a path with everything below it, and returns what was removed
// as a tree of its own, whose root is that path.
func (t *Tree[V]) Cut(name string) *Tree[V] {
	n := t.find(name)
	if n == nil {
		return &Tree[V]{}
	}
	cut := &Tree[V]{root: *n}
	for range cut.Below("/") {
		cut.len++
	}
	*n = node[V]{}
	t.len -= cut.len
	t.prune(name)
	return cut
}

// Above yields the values at the path itself and at its ancestors, from the
// root down.
func (t *Tree[V]) Above(name string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		n, at := &t.root, "/"
		if n.value != nil && !yield(at, *n.value) {
			return
		}
		for part := range parts(name) {
			n = n.children[part]
			if n == nil {
				return
			}
			at = path.Join(at, part)
			if n.value != nil && !yield(at, *n.value) {
				return
			}
		}
	}
}

// Below yields the values at the path itself and everywhere below it, sorted
// by segments. The tree must not change meanwhile.
func (t *Tree[V]) Below(name string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if n := t.find(name); n != nil {
			n.walk(Clean(name), yield)
		}
	}
}

// In yields the values directly in a folder, by base name, in order.
func (t *Tree[V]) In(folder string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		n := t.find(folder)
		if n == nil {
			return
		}
		for _, part := range slices.Sorted(maps.Keys(n.children)) {
			if v := n.children[part].value; v != nil && !yield(part, *v) {
				return
			}
		}
	}
}

func (n *node[V]) walk(at string, yield func(string, V) bool) bool {
	if n.value != nil && !yield(at, *n.value) {
		return false
	}
	for _, part := range slices.Sorted(maps.Keys(n.children)) {
		if !n.children[part].walk(path.Join(at, part), yield) {
			return false
		}
	}
	return true
}

func (t *Tree[V]) find(name string) *node[V] {
	n := &t.root
	for part := range parts(name) {
		if n = n.children[part]; n == nil {
			return nil
		}
	}
	return n
}

// prune drops empty nodes on the way to a path.
func (t *Tree[V]) prune(name string) {
	var way []*node[V]
	var names []string
	n := &t.root
	for part := range parts(name) {
		way, names = append(way, n), append(names, part)
		if n = n.children[part]; n == nil {
			return
		}
	}
	for i := len(way) - 1; i >= 0 && n.value == nil && len(n.children) == 0; i-- {
		delete(way[i].children, names[i])
		n = way[i]
	}
}

func parts(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for part := range strings.SplitSeq(strings.TrimPrefix(Clean(name), "/"), "/") {
			if part != "" && !yield(part) {
				return
			}
		}
	}
}
