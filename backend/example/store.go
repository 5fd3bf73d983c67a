package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// driver makes the store known as "json". Its option becomes --json-file, the
// variable DAVDISK_JSON_FILE, json-file in the configuration, and file=… of a
// remote.
func driver() backend.Driver {
	return backend.Driver{
		Name:    "json",
		Options: []backend.Option{{Name: "file", Help: "the JSON file to keep everything in"}},
		Open: func(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
			switch {
			case opts["file"] == "":
				return nil, errors.New("json: name the file to keep everything in with --json-file")
			case strings.Trim(root, "/") != "":
				return nil, fmt.Errorf("json: the file is opened whole: write json: instead of json:%s", root)
			}
			return &store{file: opts["file"], now: env.Now}, ctx.Err()
		},
	}
}

// A store is a tree of files in one JSON file. It keeps nothing in memory:
// each operation reads the file, and each change replaces it, so that any
// number of programs may have it open.
type store struct {
	file string
	now  func() time.Time
}

// maxFile is the size of the largest file in bytes: each change writes all of
// them anew.
const maxFile = 16 << 20

// What a store can do beyond the seven methods is an interface each; this one
// keeps the times that it is given.
var _ interface {
	backend.Backend
	backend.ModTimer
} = (*store)(nil)

// Stat implements backend.Backend.
func (s *store) Stat(ctx context.Context, name string) (info backend.Info, err error) {
	err = s.read(ctx, "stat", name, func(t tree) error {
		info, err = t.stat("stat", name)
		return err
	})
	return info, err
}

// List implements backend.Backend.
func (s *store) List(ctx context.Context, name string) (self backend.Info, children iter.Seq2[backend.Info, error], err error) {
	var all []backend.Info
	err = s.read(ctx, "list", name, func(t tree) error {
		if self, err = t.stat("list", name); err != nil {
			return err
		}
		if !self.Dir {
			return backend.PathError("list", name, backend.ErrNotDir, "")
		}
		for child, e := range t {
			if path.Dir(child) == name {
				all = append(all, e.info(child))
			}
		}
		return nil
	})
	return self, func(yield func(backend.Info, error) bool) {
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}, err
}

// Open implements backend.Backend.
func (s *store) Open(ctx context.Context, name, version string) (backend.Content, error) {
	var c content
	err := s.read(ctx, "open", name, func(t tree) error {
		info, err := t.stat("open", name)
		switch {
		case err != nil:
			return err
		case info.Dir:
			return backend.PathError("open", name, backend.ErrIsDir, "")
		case version != "" && version != info.Version:
			return backend.PathError("open", name, backend.ErrChanged, "")
		}
		c = content{info, t[name].Data}
		return nil
	})
	return c, err
}

// content is one version of a file. It holds the bytes, so nothing that
// happens to the file changes what is read.
type content struct {
	info backend.Info
	data []byte
}

func (c content) Info() backend.Info { return c.info }
func (c content) Close() error       { return nil }

func (c content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, backend.PathError("read", c.info.Name, fs.ErrInvalid, "negative offset")
	}
	if length < 0 {
		length = math.MaxInt64
	}
	rest := c.data[min(offset, c.info.Size):]
	return io.NopCloser(bytes.NewReader(rest[:min(length, int64(len(rest)))])), ctx.Err()
}

// Put implements backend.Backend. The body is read before the file is locked,
// so that a slow one does not hold up others.
func (s *store) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (info backend.Info, err error) {
	if err := check(ctx, "put", name); err != nil {
		return info, err
	}
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, body}, maxFile+1))
	if len(data) > maxFile {
		return info, backend.PathError("put", name, backend.ErrTooLarge, "")
	}
	if err == nil && opts.Size >= 0 && int64(len(data)) != opts.Size {
		err = fmt.Errorf("the body has %d bytes, %d announced", len(data), opts.Size)
	}
	if err != nil {
		return info, &fs.PathError{Op: "put", Path: name, Err: err}
	}
	err = s.change(ctx, "put", name, func(t tree) error {
		if err := t.needParent("put", name); err != nil {
			return err
		}
		old, taken := t[name]
		switch {
		case name == "." || taken && old.Dir:
			return backend.PathError("put", name, backend.ErrIsDir, "")
		case taken && opts.IfAbsent:
			return backend.PathError("put", name, fs.ErrExist, "")
		case opts.IfVersion != "" && (!taken || old.version() != opts.IfVersion):
			return backend.PathError("put", name, backend.ErrChanged, "")
		}
		made := entry{Data: data, ModTime: opts.ModTime}
		if made.ModTime.IsZero() {
			made.ModTime = s.now()
		}
		t[name], info = made, made.info(name)
		return nil
	})
	return info, err
}

// Mkdir implements backend.Backend.
func (s *store) Mkdir(ctx context.Context, name string) error {
	return s.change(ctx, "mkdir", name, func(t tree) error {
		if _, err := t.stat("mkdir", name); err == nil {
			return backend.PathError("mkdir", name, fs.ErrExist, "")
		}
		if err := t.needParent("mkdir", name); err != nil {
			return err
		}
		t[name] = entry{Dir: true, ModTime: s.now()}
		return nil
	})
}

// Remove implements backend.Backend. There is no trash.
func (s *store) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	return s.change(ctx, "remove", name, func(t tree) error {
		info, err := t.stat("remove", name)
		switch {
		case err != nil:
			return err
		case name == ".":
			return backend.PathError("remove", name, fs.ErrInvalid, "the root itself")
		case opts.IfVersion != "" && info.Version != opts.IfVersion:
			return backend.PathError("remove", name, backend.ErrChanged, "")
		case opts.IfEmpty && len(t.below(name)) > 0:
			return backend.PathError("remove", name, backend.ErrNotEmpty, "")
		}
		delete(t, name)
		for _, child := range t.below(name) {
			delete(t, child)
		}
		return nil
	})
}

// Move implements backend.Backend.
func (s *store) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := backend.CheckName("move", to); err != nil {
		return err
	}
	return s.change(ctx, "move", from, func(t tree) error {
		source, here := t[from]
		target, taken := t[to]
		switch {
		case from == "." || to == ".":
			return backend.LinkError("move", from, to, fs.ErrInvalid, "the root stays where it is")
		case !here:
			return backend.LinkError("move", from, to, fs.ErrNotExist, "")
		case from == to:
			return nil
		case source.Dir && backend.Within(to, from):
			return backend.LinkError("move", from, to, fs.ErrInvalid, "a folder cannot be put below itself")
		case taken && (!opts.Overwrite || source.Dir || target.Dir):
			return backend.LinkError("move", from, to, fs.ErrExist, "")
		}
		if err := t.needParent("move", to); err != nil {
			return err
		}
		for _, child := range t.below(from) {
			t[to+strings.TrimPrefix(child, from)] = t[child]
			delete(t, child)
		}
		t[to] = source
		delete(t, from)
		return nil
	})
}

// SetModTime implements backend.ModTimer.
func (s *store) SetModTime(ctx context.Context, name string, t time.Time) error {
	return s.change(ctx, "chtimes", name, func(all tree) error {
		e, ok := all[name]
		if !ok {
			return backend.PathError("chtimes", name, fs.ErrNotExist, "")
		}
		e.ModTime = t
		all[name] = e
		return nil
	})
}

// check refuses what must not begin.
func check(ctx context.Context, op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
