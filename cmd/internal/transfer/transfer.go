// Package transfer copies files and trees from one backend to another: up,
// down, or across. Every file is stored whole or not at all; what fails is
// told, and the rest goes on.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
)

// parallel is how many files are under way at a time.
const parallel = 4

// A Side is a name in a backend.
type Side struct {
	backend.Backend
	Name    string
	Address string // as a person writes the name; empty: as Name
}

func (s Side) in(name string) Side {
	s.Name = path.Join(s.Name, name)
	if s.Address != "" {
		s.Address = JoinAddress(s.Address, name)
	}
	return s
}

// JoinAddress is the address of what has a name in a folder.
func JoinAddress(folder, name string) string {
	folder = strings.TrimSuffix(folder, "/")
	if !strings.HasSuffix(folder, ":") {
		folder += "/"
	}
	return folder + name
}

// named makes an error about this side speak of its address.
func (s Side) named(err error) error {
	if p, ok := err.(*fs.PathError); ok && s.Address != "" {
		return &fs.PathError{Op: p.Op, Path: s.Address, Err: p.Err}
	}
	return err
}

// omitter is a store that has what it cannot give.
type omitter interface {
	Omitted(ctx context.Context, folder string) ([]error, error)
}

// omitted are the errors about what is in a folder and cannot be copied: it
// must be told, or it would be missed too late.
func (s Side) omitted(ctx context.Context) []error {
	store, ok := backend.As[omitter](s.Backend)
	if !ok {
		return nil
	}
	all, err := store.Omitted(ctx, s.Name)
	if err != nil {
		return []error{s.named(err)}
	}
	for i, err := range all {
		if p, ok := err.(*fs.PathError); ok {
			all[i] = s.in(path.Base(p.Path)).named(err)
		}
	}
	return all
}

// Options shape a copy.
type Options struct {
	Overwrite bool          // a file may take the place of a file; folders are joined
	Join      bool          // the folder that a tree goes to may be there already
	Begin     func(n int64) // a file of n bytes begins; may be nil
	Moved     func(n int64) // n bytes were moved, negative if they are moved again; may be nil
	Done      func(Copied)  // a file is stored; one call at a time; may be nil
}

// Copied reports a stored file.
type Copied struct {
	From backend.Info
	Name string // in the source
}

func (o Options) withDefaults() Options {
	if o.Begin == nil {
		o.Begin = func(int64) {}
	}
	if o.Moved == nil {
		o.Moved = func(int64) {}
	}
	if o.Done == nil {
		o.Done = func(Copied) {}
	}
	return o
}

// File copies one file. Its time is kept where the target can.
func File(ctx context.Context, from, to Side, o Options) error {
	c := copier{Options: o.withDefaults()}
	return c.file(ctx, from, to)
}

// Tree copies a folder with all in it to a name that is free, or with Join or
// Overwrite into a folder that is there. What cannot be copied is joined into
// the error; the rest is copied.
func Tree(ctx context.Context, from, to Side, o Options) error {
	c := copier{Options: o.withDefaults()}
	if err := c.folder(ctx, to, o.Join || o.Overwrite); err != nil {
		return err
	}
	made, err := to.Stat(ctx, to.Name)
	if err != nil {
		return to.named(err)
	}
	c.target = made.ID
	var files errgroup.Group
	files.SetLimit(parallel)
	c.tree(ctx, &files, from, to)
	if err := files.Wait(); err != nil {
		c.fail(err)
	}
	return errors.Join(c.errs...)
}

type copier struct {
	Options
	target string // the ID of the folder that a tree goes to, if it has one

	mu   sync.Mutex // guards errs, and calls Done
	errs []error
}

// fail keeps an error. The end of the context is one, however many files it
// has stopped.
func (c *copier) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, context.Canceled) {
		for _, old := range c.errs {
			if errors.Is(old, context.Canceled) {
				return
			}
		}
	}
	c.errs = append(c.errs, err)
}

// tree makes the folders one by one and hands the files to the group.
func (c *copier) tree(ctx context.Context, files *errgroup.Group, from, to Side) {
	_, children, err := from.List(ctx, from.Name)
	if err != nil {
		c.fail(from.named(err))
		return
	}
	for _, err := range from.omitted(ctx) {
		c.fail(err)
	}
	for info, err := range children {
		if err == nil {
			err = CheckBase(info.Name)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			c.fail(from.named(err))
			return
		}
		source, target := from.in(info.Name), to.in(info.Name)
		if !info.Dir {
			files.Go(func() error {
				if err := c.file(ctx, source, target); err != nil {
					c.fail(err)
				}
				return nil
			})
			continue
		}
		if info.ID != "" && info.ID == c.target {
			c.fail(source.named(backend.PathError("copy", source.Name, fs.ErrInvalid, "a folder cannot go below itself")))
			continue
		}
		if err := c.folder(ctx, target, c.Overwrite); err != nil {
			c.fail(err)
			continue
		}
		c.tree(ctx, files, source, target)
	}
}

// folder makes a folder, or takes one that is there if that is allowed.
func (c *copier) folder(ctx context.Context, to Side, join bool) error {
	err := to.Mkdir(ctx, to.Name)
	if !errors.Is(err, fs.ErrExist) || !join {
		return to.named(err)
	}
	info, statErr := to.Stat(ctx, to.Name)
	if statErr != nil {
		return to.named(statErr)
	}
	if !info.Dir {
		return to.named(backend.PathError("mkdir", to.Name, backend.ErrNotDir, "a file is in the way"))
	}
	return nil
}

func (c *copier) file(ctx context.Context, from, to Side) error {
	content, err := from.Open(ctx, from.Name, "")
	if err != nil {
		return from.named(err)
	}
	defer content.Close()
	info := content.Info()
	c.Begin(info.Size)
	body := &body{ctx: ctx, content: content, moved: c.Moved}
	defer body.Close()
	stored, err := to.Put(ctx, to.Name, body, backend.PutOptions{Size: info.Size, IfAbsent: !c.Overwrite, ModTime: info.ModTime})
	if err == nil {
		err = compare(info, stored, to.Name)
	}
	switch {
	case err != nil && body.failed != nil && errors.Is(err, body.failed):
		return from.named(body.failed)
	case err != nil:
		return to.named(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Done(Copied{From: info, Name: from.Name})
	return nil
}

// compare holds what was stored against what was read, as far as both stores
// tell.
func compare(from, to backend.Info, name string) error {
	differ := from.Size != to.Size ||
		from.SHA256 != "" && to.SHA256 != "" && from.SHA256 != to.SHA256 ||
		from.MD5 != "" && to.MD5 != "" && from.MD5 != to.MD5
	if differ {
		return backend.PathError("copy", name, backend.ErrUncertain, "what was stored is not what was read")
	}
	return nil
}

// CheckBase refuses a name from a store that would not stay in its
// folder: "..", "a/b", "/etc".
func CheckBase(name string) error {
	if name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || !fs.ValidPath(name) {
		return &fs.PathError{Op: "copy", Path: name, Err: fmt.Errorf("%w: the store tells a name that would leave its folder", fs.ErrInvalid)}
	}
	return nil
}
