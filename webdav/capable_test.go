package webdav

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// capableFs is a file system in memory with every ability, and with nothing
// beside what a handler may use of one: any other method of afero.Fs panics.
// It counts calls and fails where a test wants it.
type capableFs struct {
	afero.Fs // nil
	*capableState
	ctx context.Context
}

type capableState struct {
	mu    sync.Mutex
	nodes map[string]*capableNode
	calls map[string]int
	// fail is asked before each operation: "stat", "open", "read", "list",
	// "mkdir", "put", "commit", "move", "copy", "delete", "times", "usage",
	// "properties", "setproperties".
	fail  func(op, name string) error
	total int64
	clock time.Time
	// noProperties and noTimes make the file system refuse such.
	noProperties, noTimes bool
}

type capableNode struct {
	dir              bool
	content          []byte
	modTime, created time.Time
	version          int
	props            map[string]string
}

func newCapableFs() *capableFs {
	s := &capableState{
		nodes: map[string]*capableNode{}, calls: map[string]int{}, total: 1 << 30,
		clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	s.nodes["/"] = &capableNode{dir: true, modTime: s.clock, created: s.clock}
	return &capableFs{capableState: s, ctx: context.Background()}
}

// codeError is an error of a file system with a status.
type codeError struct {
	code  int
	after time.Duration
}

func (e *codeError) Error() string                    { return fmt.Sprintf("upstream says %d", e.code) }
func (e *codeError) HTTPStatus() (int, time.Duration) { return e.code, e.after }

func failing(op, name string, code int) error {
	return &fs.PathError{Op: op, Path: name, Err: &codeError{code: code}}
}

// failOn makes the operations named fail with a status.
func (c *capableFs) failOn(code int, ops ...string) {
	c.setFail(func(op, name string) error {
		if slices.Contains(ops, op) {
			return failing(op, name, code)
		}
		return nil
	})
}

func (c *capableFs) setFail(fail func(op, name string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

func (c *capableFs) count(op string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[op]
}

func (c *capableFs) countAll() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := 0
	for _, n := range c.calls {
		sum += n
	}
	return sum
}

func (c *capableFs) resetCounts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.calls)
}

// enter counts an operation and asks whether it fails. Without the lock: fail
// may look at the file system.
func (c *capableFs) enter(op, name string) error {
	c.mu.Lock()
	c.calls[op]++
	fail := c.fail
	c.mu.Unlock()
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if fail != nil {
		return fail(op, name)
	}
	return nil
}

func (c *capableState) tick() time.Time {
	c.clock = c.clock.Add(time.Second)
	return c.clock
}

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

func (c *capableFs) WithContext(ctx context.Context) afero.Fs {
	return &capableFs{capableState: c.capableState, ctx: ctx}
}

func (c *capableFs) Name() string { return "capable" }

func (c *capableState) info(name string) (*capableInfo, bool) {
	n, ok := c.nodes[name]
	if !ok {
		return nil, false
	}
	return &capableInfo{path.Base(name), *n}, true
}

func (c *capableFs) Stat(name string) (fs.FileInfo, error) {
	if err := c.enter("stat", name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if info, ok := c.info(name); ok {
		return info, nil
	}
	return nil, missing("stat", name)
}

func (c *capableFs) Open(name string) (afero.File, error) {
	if err := c.enter("open", name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	info, ok := c.info(name)
	if !ok {
		return nil, missing("open", name)
	}
	return &capableFile{fs: c, name: name, node: info, Reader: bytes.NewReader(info.content)}, nil
}

func (c *capableFs) parentIsDir(name string) bool {
	parent, ok := c.nodes[path.Dir(name)]
	return ok && parent.dir
}

func (c *capableFs) Mkdir(name string, _ fs.FileMode) error {
	if err := c.enter("mkdir", name); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.nodes[name]; ok {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	if !c.parentIsDir(name) {
		return missing("mkdir", name)
	}
	now := c.tick()
	c.nodes[name] = &capableNode{dir: true, modTime: now, created: now}
	return nil
}

func (c *capableFs) Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	if err := c.enter("put", name); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	if size >= 0 && int64(len(content)) != size {
		return nil, &fs.PathError{Op: "put", Path: name, Err: io.ErrUnexpectedEOF}
	}
	if err := c.enter("commit", name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old, exists := c.info(name)
	switch {
	case exists && old.dir:
		return nil, failing("put", name, 405)
	case exists && ifAbsent:
		return nil, &fs.PathError{Op: "put", Path: name, Err: fs.ErrExist}
	case ifMatch != "" && (!exists || old.ETag() != ifMatch):
		return nil, failing("put", name, 412)
	case !c.parentIsDir(name):
		return nil, missing("put", name)
	}
	now := c.tick()
	node := &capableNode{content: content, modTime: now, created: now, version: 1}
	if exists {
		node.created, node.version, node.props = old.created, old.version+1, old.props
	}
	if !mtime.IsZero() {
		node.modTime = mtime
	}
	c.nodes[name] = node
	info, _ := c.info(name)
	return info, nil
}

// below lists a name and everything below it.
func (c *capableState) below(name string) []string {
	var found []string
	for at := range c.nodes {
		if at == name || pathtree.Within(at, name) {
			found = append(found, at)
		}
	}
	slices.Sort(found)
	return found
}

func (c *capableFs) transfer(op, from, to string, overwrite bool, each func(from, to string)) error {
	if err := c.enter(op, from); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.nodes[from]; !ok || !c.parentIsDir(to) {
		return missing(op, from)
	}
	if _, ok := c.nodes[to]; ok && !overwrite {
		return &fs.PathError{Op: op, Path: to, Err: fs.ErrExist}
	}
	sources := c.below(from)
	for _, name := range c.below(to) {
		delete(c.nodes, name)
	}
	for _, name := range sources {
		each(name, to+strings.TrimPrefix(name, from))
	}
	return nil
}

func (c *capableFs) Move(from, to string, overwrite bool) error {
	return c.transfer("move", from, to, overwrite, func(from, to string) {
		c.nodes[to] = c.nodes[from]
		delete(c.nodes, from)
	})
}

func (c *capableFs) Copy(from, to string, overwrite bool, depth int) error {
	root := from
	return c.transfer("copy", from, to, overwrite, func(from, to string) {
		if depth == 0 && from != root {
			return
		}
		node := *c.nodes[from]
		node.props = maps.Clone(node.props)
		node.created = c.tick()
		c.nodes[to] = &node
	})
}

func (c *capableFs) Delete(name, ifMatch string) error {
	if err := c.enter("delete", name); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	info, ok := c.info(name)
	if !ok {
		return missing("delete", name)
	}
	if ifMatch != "" && info.ETag() != ifMatch {
		return failing("delete", name, 412)
	}
	for _, at := range c.below(name) {
		delete(c.nodes, at)
	}
	return nil
}

func (c *capableFs) Usage() (total, used int64, err error) {
	if err := c.enter("usage", "/"); err != nil {
		return 0, 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		used += int64(len(n.content))
	}
	return c.total, used, nil
}

func (c *capableFs) Properties(name string) (map[string]string, error) {
	if err := c.enter("properties", name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.nodes[name]
	if !ok {
		return nil, missing("properties", name)
	}
	return maps.Clone(n.props), nil
}

func (c *capableFs) SetProperties(name string, set map[string]string, remove []string) error {
	if err := c.enter("setproperties", name); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.nodes[name]
	switch {
	case !ok:
		return missing("setproperties", name)
	case c.noProperties:
		return &fs.PathError{Op: "setproperties", Path: name, Err: fmt.Errorf("full: %w", errUnsupportedHere)}
	case n.props == nil:
		n.props = map[string]string{}
	}
	maps.Copy(n.props, set)
	for _, key := range remove {
		delete(n.props, key)
	}
	return nil
}

func (c *capableFs) Chtimes(name string, _, mtime time.Time) error {
	if err := c.enter("times", name); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.nodes[name]
	if !ok {
		return missing("chtimes", name)
	}
	if c.noTimes {
		return &fs.PathError{Op: "chtimes", Path: name, Err: errUnsupportedHere}
	}
	n.modTime = mtime
	return nil
}

type capableInfo struct {
	name string
	capableNode
}

func (i *capableInfo) Name() string       { return i.name }
func (i *capableInfo) Size() int64        { return int64(len(i.content)) }
func (i *capableInfo) ModTime() time.Time { return i.modTime }
func (i *capableInfo) IsDir() bool        { return i.dir }
func (i *capableInfo) Sys() any           { return nil }
func (i *capableInfo) Created() time.Time { return i.created }

func (i *capableInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

func (i *capableInfo) ETag() string {
	if i.dir {
		return ""
	}
	return fmt.Sprintf(`"%x-%d"`, sha256.Sum256(i.content), i.version) // as long as those of a cloud
}

// Properties come along with listings, but not with names that end in "?".
func (i *capableInfo) Properties() (map[string]string, bool) {
	return i.props, !strings.HasSuffix(i.name, "?")
}

func (i *capableInfo) ContentType() string { return "" }

func (i *capableInfo) Hash(algorithm string) string {
	if algorithm != "md5" || i.dir {
		return ""
	}
	sum := md5.Sum(i.content)
	return hex.EncodeToString(sum[:])
}

// capableFile is an open file or folder: one version of it.
type capableFile struct {
	afero.File // nil
	fs         *capableFs
	name       string
	node       *capableInfo
	*bytes.Reader
}

func (f *capableFile) Name() string               { return f.name }
func (f *capableFile) Close() error               { return nil }
func (f *capableFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *capableFile) Seek(offset int64, whence int) (int64, error) {
	return f.Reader.Seek(offset, whence)
}
func (f *capableFile) ReadAt(p []byte, offset int64) (int, error) { return f.Reader.ReadAt(p, offset) }
func (f *capableFile) Read(p []byte) (int, error) {
	if err := f.fs.enter("read", f.name); err != nil {
		return 0, err
	}
	return f.Reader.Read(p[:min(len(p), 32<<10)])
}

func (f *capableFile) Readdir(int) ([]fs.FileInfo, error) {
	if err := f.fs.enter("list", f.name); err != nil {
		return nil, err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	var children []fs.FileInfo
	for at := range f.fs.nodes {
		if at != "/" && path.Dir(at) == f.name {
			info, _ := f.fs.info(at)
			children = append(children, info)
		}
	}
	return children, nil
}
