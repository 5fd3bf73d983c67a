package webdav

import (
	"context"
	"io"
	"io/fs"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/afero"
)

// A call is a request that meets another one: method, path, where it goes, and
// headers. {T} is the token of the world's lock, {E} the entity tag of /d/f.
type call struct {
	method, at, to string
	headers        string // separated by "; "
}

func (c call) String() string {
	return strings.TrimSpace(strings.Join([]string{c.method, c.at, c.to, c.headers}, " "))
}

// A stop is where a slow request is held up: before and after each change of the
// file system, after each look at it and each read of the body, and before the
// answer.
type stop struct {
	at      int // how many have gone by before
	passed  atomic.Int64
	name    string // of the stage that it is held up at
	reached chan struct{}
	resume  chan struct{}
}

type stopKey struct{}

func newStop(at int) *stop {
	return &stop{at: at, reached: make(chan struct{}), resume: make(chan struct{})}
}

// stage is called at each stage of a request, with its context.
func stage(ctx context.Context, name string) {
	s, ok := ctx.Value(stopKey{}).(*stop)
	if ok && s != nil && s.passed.Add(1) == int64(s.at)+1 {
		s.name = name
		close(s.reached)
		<-s.resume
	}
}

// stagedFs has the stages of the file system.
type stagedFs struct {
	capableLike
	ctx context.Context
}

// capableLike is a file system with all the abilities that change something.
type capableLike interface {
	afero.Fs
	ContextBinder
	Putter
	Mover
	Copier
	Deleter
	Propertier
}

func (f stagedFs) WithContext(ctx context.Context) afero.Fs {
	return stagedFs{f.capableLike.WithContext(ctx).(capableLike), ctx}
}

func (f stagedFs) step(op string) (after func()) {
	stage(f.ctx, "before "+op)
	return func() { stage(f.ctx, "after "+op) }
}

func (f stagedFs) Stat(name string) (fs.FileInfo, error) {
	defer stage(f.ctx, "after stat "+name)
	return f.capableLike.Stat(name)
}

func (f stagedFs) Mkdir(name string, mode fs.FileMode) error {
	defer f.step("mkdir " + name)()
	return f.capableLike.Mkdir(name, mode)
}

func (f stagedFs) Chtimes(name string, atime, mtime time.Time) error {
	defer f.step("times " + name)()
	return f.capableLike.Chtimes(name, atime, mtime)
}

func (f stagedFs) Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	defer f.step("put " + name)()
	return f.capableLike.Put(name, body, size, mtime, ifMatch, ifAbsent)
}

func (f stagedFs) Move(from, to string, overwrite bool) error {
	defer f.step("move " + from)()
	return f.capableLike.Move(from, to, overwrite)
}

func (f stagedFs) Copy(from, to string, overwrite bool, depth int) error {
	defer f.step("copy " + from)()
	return f.capableLike.Copy(from, to, overwrite, depth)
}

func (f stagedFs) Delete(name, ifMatch string) error {
	defer f.step("delete " + name)()
	return f.capableLike.Delete(name, ifMatch)
}

func (f stagedFs) SetProperties(name string, set map[string]string, remove []string) error {
	defer f.step("properties " + name)()
	return f.capableLike.SetProperties(name, set, remove)
}

// stagedBody has a stage after each read.
type stagedBody struct {
	io.Reader
	ctx context.Context
}

func (b stagedBody) Read(p []byte) (int, error) {
	defer stage(b.ctx, "after a read of the body")
	return b.Reader.Read(p)
}

// stagedWriter has a stage before the answer.
type stagedWriter struct {
	*httptest.ResponseRecorder
	ctx context.Context
}

func (w stagedWriter) WriteHeader(status int) {
	stage(w.ctx, "before the answer")
	w.ResponseRecorder.WriteHeader(status)
}
