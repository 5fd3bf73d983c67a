package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// An Entry is a file or folder as [Emulator.List] and [Emulator.Dump] show it.
type Entry struct {
	Path       string            `json:"path"` // disk:/... or trash:/...
	Dir        bool              `json:"dir,omitempty"`
	Size       int64             `json:"size,omitempty"`
	MD5        string            `json:"md5,omitempty"`
	SHA256     string            `json:"sha256,omitempty"`
	Modified   time.Time         `json:"modified"`
	Revision   int64             `json:"revision"`
	ResourceID string            `json:"resource_id"`
	Origin     string            `json:"origin_path,omitempty"` // where a trashed item was
	PublicURL  string            `json:"public_url,omitempty"`
	Properties map[string]string `json:"custom_properties,omitempty"`
}

// The methods of this file access the disk without HTTP: they are not counted,
// meet no faults and ignore running operations. Paths are as in the API;
// missing parent folders are created. Errors are *fs.PathError.

// WriteFile stores a file and replaces any that exists.
func (e *Emulator) WriteFile(path string, data []byte) error {
	return e.WriteFrom(path, bytes.NewReader(data))
}

// WriteFrom stores everything read from r as a file.
func (e *Emulator) WriteFrom(path string, r io.Reader) error {
	sink, err := e.contents.newSink()
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	if _, err := io.Copy(sink, r); err != nil {
		sink.abort()
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	content, err := sink.commit()
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return e.seed(path, content)
}

// WritePattern stores a file of size bytes that are computed from the seed
// on reading, so that even a huge file takes no memory.
func (e *Emulator) WritePattern(path string, size int64, seed uint64) error {
	content, err := e.contents.pattern(size, seed)
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return e.seed(path, content)
}

// Pattern returns a reader of the content that WritePattern stores.
func Pattern(size int64, seed uint64) io.ReadSeeker { return &patternReader{size: size, seed: seed} }

func (e *Emulator) seed(path string, content *content) error {
	return e.within("write", path, func(p diskPath) error {
		if p.isRoot() || p.area != "disk" {
			return fs.ErrInvalid
		}
		if n := e.disk.find(p, false); n != nil && n.isDir() {
			return errors.New("is a folder")
		}
		if !e.makeAll(p.dir()) {
			return errors.New("a file is in the way")
		}
		n := e.setContent(p, content, e.knobs)
		n.stored = time.Time{}
		return nil
	})
}

// Mkdir creates a folder and its missing parents; it is no error if it exists.
func (e *Emulator) Mkdir(path string) error {
	return e.within("mkdir", path, func(p diskPath) error {
		if p.area != "disk" || !e.makeAll(p) {
			return errors.New("a file is in the way")
		}
		return nil
	})
}

// makeAll creates the folders of a path and reports whether it could: a file
// may be in the way.
func (e *Emulator) makeAll(p diskPath) bool {
	at := e.disk.root
	for _, part := range p.parts {
		next := at.child(part, e.knobs.FoldNames)
		if next == nil {
			next = e.disk.newNode(part, nil)
			e.disk.attach(at, next)
		}
		if !next.isDir() {
			return false
		}
		at = next
	}
	return true
}

// ReadFile returns the content of a file of the disk or the trash.
func (e *Emulator) ReadFile(path string) ([]byte, error) {
	r, err := e.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Open returns a reader of the current content of a file.
func (e *Emulator) Open(path string) (io.ReadSeekCloser, error) {
	var body io.ReadSeekCloser
	err := e.withNode("read", path, func(n *node) (err error) {
		if n.isDir() {
			return errors.New("is a folder")
		}
		body, err = n.content.open()
		return err
	})
	return body, err
}

// Stat describes one file or folder.
func (e *Emulator) Stat(path string) (Entry, error) {
	var entry Entry
	err := e.withNode("stat", path, func(n *node) error {
		entry = e.entry(n)
		return nil
	})
	return entry, err
}

// List describes the children of a folder.
func (e *Emulator) List(path string) ([]Entry, error) {
	var entries []Entry
	err := e.withNode("list", path, func(n *node) error {
		if !n.isDir() {
			return errors.New("is not a folder")
		}
		for _, child := range n.list() {
			entries = append(entries, e.entry(child))
		}
		return nil
	})
	return entries, err
}

// Dump describes everything on the disk and in the trash except the roots,
// sorted by path.
func (e *Emulator) Dump() []Entry {
	e.carryOutLate()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(e.now())
	var entries []Entry
	for _, root := range []*node{e.disk.root, e.disk.trash} {
		root.walk(func(n *node) {
			if n != root {
				entries = append(entries, e.entry(n))
			}
		})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return entries
}

// Remove permanently deletes a file or a folder with its content. It is no error
// if nothing is there.
func (e *Emulator) Remove(path string) error {
	return e.within("remove", path, func(p diskPath) error {
		if n := e.disk.find(p, false); n != nil && n.parent != nil {
			e.unpublish(n)
			e.disk.destroy(n)
		}
		return nil
	})
}

// SetProperties replaces the custom properties of a file or folder.
func (e *Emulator) SetProperties(path string, properties map[string]string) error {
	return e.withNode("set properties", path, func(n *node) error {
		var o object
		for key, value := range properties {
			o = o.with(key, value)
		}
		e.setProperties(n, o, e.knobs)
		return nil
	})
}

func (e *Emulator) entry(n *node) Entry {
	out := Entry{Path: e.disk.path(n), Dir: n.isDir(), Modified: n.modified, Revision: n.revision, ResourceID: n.id, Origin: n.origin}
	if n.content != nil {
		out.Size, out.MD5, out.SHA256 = n.content.size, n.content.md5, n.content.sha256
	}
	if n.shared != nil {
		out.PublicURL = n.shared.url
	}
	for _, m := range n.properties {
		if out.Properties == nil {
			out.Properties = make(map[string]string)
		}
		out.Properties[m.key] = fmt.Sprint(m.value)
	}
	return out
}

// within calls f with the parsed path while holding the lock.
func (e *Emulator) within(op, path string, f func(diskPath) error) error {
	e.carryOutLate()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(e.now())
	p, fail := parsePath(path, e.knobs)
	if fail != nil {
		return &fs.PathError{Op: op, Path: path, Err: fs.ErrInvalid}
	}
	if err := f(p); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// withNode calls f with the node at a path while holding the lock.
func (e *Emulator) withNode(op, path string, f func(*node) error) error {
	return e.within(op, path, func(p diskPath) error {
		n := e.disk.find(p, false)
		if n == nil {
			return fs.ErrNotExist
		}
		return f(n)
	})
}
