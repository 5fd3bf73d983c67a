package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Remove implements backend.Backend. Conditions are checked just before. A folder
// is listed and its objects are removed one by one, the markers at last; what
// another client stores in it meanwhile stays, and is told as ErrNotEmpty.
func (s *store) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if err := check(ctx, "remove", name); err != nil {
		return err
	}
	if name == "." {
		return backend.PathError("remove", name, fs.ErrInvalid, "the root itself")
	}
	unlock, err := s.lock(ctx, true, pathlock.Tree(name))
	if err != nil {
		return pathError("remove", name, err)
	}
	defer unlock()
	e, err := s.stat(ctx, name)
	switch {
	case err != nil:
		return pathError("remove", name, err)
	case opts.IfVersion != "" && (e.Dir || e.Version != opts.IfVersion):
		return backend.PathError("remove", name, backend.ErrChanged, "")
	case e.Dir:
		return pathError("remove", name, s.removeFolder(ctx, name, opts.IfEmpty))
	}
	if err := s.keepFolder(ctx, name); err != nil {
		return pathError("remove", name, err)
	}
	return pathError("remove", name, s.deleteSeen(ctx, e))
}

// CheckRemove implements backend.RemoveChecker: a folder may contain keys that are
// no names.
func (s *store) CheckRemove(ctx context.Context, name string) error {
	if err := check(ctx, "remove", name); err != nil {
		return err
	}
	objects, err := s.below(ctx, s.dirKey(name))
	if err == nil {
		err = checkHidden(s.dirKey(name), objects)
	}
	return pathError("remove", name, err)
}

// below lists all objects whose keys begin with a prefix.
func (s *store) below(ctx context.Context, prefix string) ([]entry, error) {
	var objects []entry
	for object, err := range s.client.list(ctx, prefix, true, 0) {
		if err != nil {
			return nil, err
		}
		objects = append(objects, newEntry(object))
	}
	return objects, nil
}

// checkKey refuses keys that are not UTF-8: minio-go would name another object.
func checkKey(key string) error {
	if utf8.ValidString(key) {
		return nil
	}
	return &backend.Error{Kind: fs.ErrInvalid, Message: fmt.Sprintf("the key %q is not UTF-8", key)}
}

// isMarker reports whether a key is that of a folder.
func isMarker(key string) bool { return strings.HasSuffix(key, "/") }

// checkHidden fails if some of the objects in a folder are not shown: their keys
// are no names, a marker has content, or a folder has the name of a file.
func checkHidden(prefix string, objects []entry) error {
	files := map[string]bool{}
	for _, e := range objects {
		files[e.key] = true
	}
	for _, e := range objects {
		rest := strings.TrimSuffix(e.key[len(prefix):], "/")
		if leftByTrial(e.key[len(prefix):], e.Size) {
			continue
		}
		hidden := rest != "" && backend.CheckName("remove", rest) != nil || rest == "." || isMarker(e.key) && e.Size > 0
		for dir := path.Dir(rest); dir != "." && dir != "/"; dir = path.Dir(dir) {
			hidden = hidden || files[prefix+dir]
		}
		if hidden || isMarker(e.key) && rest != "" && files[prefix+rest] {
			return &backend.Error{Kind: backend.ErrNotEmpty, Message: fmt.Sprintf("the key %q is in it, which is not shown as a file", e.key)}
		}
	}
	return nil
}

// removeFolder removes a folder by a caller that has locked it.
func (s *store) removeFolder(ctx context.Context, name string, ifEmpty bool) error {
	prefix := s.dirKey(name)
	objects, err := s.below(ctx, prefix)
	if err != nil {
		return err
	}
	// What is the root of another remote may hold the object of a killed trial,
	// which is not listed: it goes with the folder.
	shown := func(e entry) bool { return e.key != prefix && !leftByTrial(e.key[len(prefix):], e.Size) }
	if ifEmpty && slices.ContainsFunc(objects, shown) {
		return &backend.Error{Kind: backend.ErrNotEmpty}
	}
	if err := checkHidden(prefix, objects); err != nil {
		return err
	}
	if err := s.keepFolder(ctx, name); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if len(objects) == 1 { // which goes in one step
		return s.removeObjects(ctx, prefix, objects)
	}
	m := intent{Kind: removing, Dir: true, Seen: map[string]string{}, Begun: s.cfg.Now()}
	for _, e := range objects {
		m.Seen[e.key] = e.Version
	}
	if err := s.moves.set(name, m); err != nil {
		return fmt.Errorf("the removal cannot be noted: %w", err)
	}
	return s.ended(name, s.removeObjects(ctx, prefix, objects))
}

// removeObjects removes the objects of a folder.
func (s *store) removeObjects(ctx context.Context, prefix string, objects []entry) error {
	removed, err := s.deleteAll(ctx, objects)
	switch {
	case err != nil && removed > 0:
		return uncertainError{fmt.Errorf("a part of it is removed: %w", err)}
	case err != nil:
		return err
	}
	left, err := s.client.any(ctx, prefix)
	switch {
	case err != nil:
		return uncertainError{fmt.Errorf("it was removed, and cannot be looked at: %w", err)}
	case left:
		return &backend.Error{Kind: backend.ErrNotEmpty, Message: "another client has stored something in it meanwhile"}
	}
	return nil
}

// deleteAll removes objects, files before the markers of folders. What was
// replaced since it was seen stays, which is no error. It returns how many it has
// removed.
func (s *store) deleteAll(ctx context.Context, objects []entry) (removed int, err error) {
	var gone atomic.Int64
	var files, markers []entry
	for _, e := range objects {
		if isMarker(e.key) {
			markers = append(markers, e)
		} else {
			files = append(files, e)
		}
	}
	remove := func(ctx context.Context, e entry) error {
		err := s.deleteSeen(ctx, e)
		if is(err, backend.ErrChanged) || is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			gone.Add(1)
		}
		return err
	}
	if err = each(ctx, files, remove); err == nil {
		err = each(ctx, markers, remove)
	}
	return int(gone.Load()), err
}

// look asks for an object. That it is missing is proved by a listing: a 404 alone
// may be that of a proxy, whose server is away.
func (s *store) look(ctx context.Context, key string) (e entry, there bool, err error) {
	e, err = s.head(ctx, key)
	if !is(err, fs.ErrNotExist) {
		return e, err == nil, err
	}
	for object, err := range s.client.list(ctx, key, true, 1) { // a key comes before those that begin with it
		if err == nil && object.Key == key {
			err = errContradiction
		}
		return entry{}, false, err
	}
	return entry{}, false, nil
}

// errContradiction is the error of an object about which the server's answers differ.
var errContradiction = &backend.Error{Kind: backend.ErrUnavailable, Message: "the server lists an object, and says that there is none"}

// deleteSeen removes an object if it is still the one that was seen: one that
// another client has stored since stays, and is backend.ErrChanged. Between the
// look and the removal there is a moment, because not every server checks
// conditions of a removal.
func (s *store) deleteSeen(ctx context.Context, e entry) error {
	now, there, err := s.look(ctx, e.key)
	switch {
	case err != nil:
		return err
	case !there:
		return &backend.Error{Kind: fs.ErrNotExist}
	case now.Version != e.Version:
		return &backend.Error{Kind: backend.ErrChanged, Message: "another client has replaced it meanwhile"}
	}
	return s.deleteKey(ctx, e)
}

// deleteKey removes an object. A removal of unknown outcome is looked at, and
// repeated only if the same object is still there.
func (s *store) deleteKey(ctx context.Context, e entry) error {
	if err := checkKey(e.key); err != nil {
		return err
	}
	s.markers.Delete(e.key)
	lost := false
	for try := 1; ; try++ {
		err := s.client.repeat(ctx, func(ctx context.Context) error {
			return emptied(ctx, s.client.core.RemoveObject(ctx, s.cfg.Bucket, e.key, minio.RemoveObjectOptions{}))
		})
		var uncertain uncertainError
		if !errors.As(err, &uncertain) {
			return unsure(lost, err)
		}
		lost = true
		if err := s.client.sleep(context.WithoutCancel(ctx), s.client.backoff(try-1)); err != nil {
			return uncertain
		}
		looking, cancel := outliving(ctx)
		now, there, err := s.look(looking, e.key)
		cancel()
		switch {
		case err == nil && !there:
			return nil
		case err != nil || try == maxTries || now.Version != e.Version:
			return uncertain
		}
	}
}
