package writeback

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"

	"github.com/davdisk/davdisk/backend"
)

// info describes an entry as the store would.
func (e *entry) info() backend.Info {
	info := backend.Info{
		Name: path.Base(e.Name), Size: e.Size, ModTime: e.ModTime, Version: e.Version, SHA256: e.SHA256,
	}
	if info.ModTime.IsZero() {
		info.ModTime = e.Since
	}
	return info
}

// merge is info on top of what the store has under that name.
func merge(below, ours backend.Info) backend.Info {
	if below.Dir {
		return ours
	}
	ours.ID, ours.Created, ours.ContentType, ours.Public = below.ID, below.Created, below.ContentType, below.Public
	ours.Properties = below.Properties
	return ours
}

// waiting returns the file of a name that is queued, here or at another gateway.
func (q *Queue) waiting(name string) (backend.Info, bool) {
	if info, ok := q.queued(name); ok {
		return info, true
	}
	f, ok := q.gateways.Elsewhere(name)
	return f.info(), ok
}

// queued returns the file of a name that is queued here.
func (q *Queue) queued(name string) (backend.Info, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.entries[name]; e != nil && q.gateways.Owns(name) {
		return e.info(), true
	}
	return backend.Info{}, false
}

// Stat implements backend.Backend.
func (q *Queue) Stat(ctx context.Context, name string) (backend.Info, error) {
	if err := ctx.Err(); err != nil {
		return backend.Info{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if err := q.current("stat", name); err != nil {
		return backend.Info{}, err
	}
	if info, ok := q.waiting(name); ok {
		return info, nil
	}
	return q.store.Stat(ctx, name)
}

// List implements backend.Backend.
func (q *Queue) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if err := q.current("list", name); err != nil {
		return backend.Info{}, nil, err
	}
	if info, ok := q.waiting(name); ok {
		return info, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	// Queued files are collected before the store is asked, so that one that is
	// stored meanwhile is listed whether the answer has it or not.
	ours := q.children(name)
	self, children, err := q.store.List(ctx, name)
	if err != nil || len(ours) == 0 {
		return self, children, err
	}
	return self, func(yield func(backend.Info, error) bool) {
		for info, err := range children {
			if own, ok := ours[info.Name]; ok && err == nil {
				delete(ours, info.Name)
				info = merge(info, own)
			}
			if !yield(info, err) || err != nil {
				return
			}
		}
		for _, own := range ours {
			own.Properties = map[string]string{} // a new file has none
			if !yield(own, nil) {
				return
			}
		}
	}, nil
}

// children returns the queued files of a folder by name.
func (q *Queue) children(name string) map[string]backend.Info {
	found := map[string]backend.Info{}
	for _, f := range q.gateways.In(name) {
		found[path.Base(f.Name)] = f.info()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for at, e := range q.entries {
		if path.Dir(at) == name && q.gateways.Owns(at) {
			found[path.Base(at)] = e.info()
		}
	}
	return found
}

// Open implements backend.Backend.
func (q *Queue) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if err := ctx.Err(); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if err := q.current("open", name); err != nil {
		return nil, err
	}
	content, err := q.openWaiting(name, version)
	if content != nil || err != nil {
		return content, err
	}
	if f, ok := q.gateways.Elsewhere(name); ok {
		if version != "" && version != f.Version {
			return nil, backend.PathError("open", name, backend.ErrChanged, "")
		}
		return &distant{queue: q, file: f}, nil
	}
	return q.store.Open(ctx, name, version)
}

// openWaiting opens the queued file of a name; nil if there is none.
func (q *Queue) openWaiting(name, version string) (backend.Content, error) {
	q.mu.Lock() // so that the file is not removed meanwhile
	defer q.mu.Unlock()
	e := q.entries[name]
	switch {
	case e == nil, !q.gateways.Owns(name):
		return nil, nil
	case version != "" && version != e.Version:
		return nil, backend.PathError("open", name, backend.ErrChanged, "")
	}
	content, err := openContent(q.folder.content(e.ID), e.info())
	if err != nil {
		// That the local file is missing does not mean that the file is.
		return nil, backend.PathError("open", name, backend.ErrUnavailable, "the queued content cannot be read: "+err.Error())
	}
	return content, nil
}

// Revision implements backend.Revisioner. It changes when a file is acknowledged
// and when one is stored.
func (q *Queue) Revision(ctx context.Context) (string, error) {
	token, err := backend.Revision(ctx, q.store)
	if err != nil {
		return "", err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return fmt.Sprintf("%s+%d", token, q.acks), nil
}

// Capabilities implements backend.Declarer: they are those of the store.
func (q *Queue) Capabilities() backend.Capabilities { return backend.CapabilitiesOf(q.store) }

// Learn implements backend.Learner: it is for the store, which does not have yet what
// waits at another gateway.
func (q *Queue) Learn(name, version string) {
	if _, waits := q.gateways.Elsewhere(name); waits {
		version = ""
	}
	backend.Learn(q.store, name, version)
}

// Usage implements backend.Usager. It is that of the store, without queued
// files.
func (q *Queue) Usage(ctx context.Context) (backend.Space, error) {
	space, err := backend.Usage(ctx, q.store)
	if err != nil {
		return backend.Space{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if space.Free() > q.space.Free() {
		q.retryFull()
		q.wake()
	}
	q.space = space
	return space, nil
}

// Properties implements backend.Propertier. A file keeps its properties when its
// content is replaced, so they are those of the store; a new file has none.
func (q *Queue) Properties(ctx context.Context, name string) (map[string]string, error) {
	if err := q.current("properties", name); err != nil {
		return nil, err
	}
	props, err := backend.Properties(ctx, q.store, name)
	if _, ok := q.waiting(name); ok && errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	return props, err
}
