package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

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
	unlock, err := s.names.Lock(ctx, pathlock.Tree(name))
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
	return pathError("remove", name, s.deleteKey(ctx, e))
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
	if ifEmpty && (len(objects) > 1 || len(objects) == 1 && objects[0].key != prefix) {
		return &backend.Error{Kind: backend.ErrNotEmpty}
	}
	if err := checkHidden(prefix, objects); err != nil {
		return err
	}
	if err := s.keepFolder(ctx, name); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.deleteAll(ctx, objects); err != nil {
		return err
	}
	left, err := s.client.any(ctx, prefix)
	if err == nil && left {
		err = &backend.Error{Kind: backend.ErrNotEmpty, Message: "another client has stored something in it meanwhile"}
	}
	return err
}

// deleteAll removes objects, files before the markers of folders.
func (s *store) deleteAll(ctx context.Context, objects []entry) error {
	var files, markers []entry
	for _, e := range objects {
		if isMarker(e.key) {
			markers = append(markers, e)
		} else {
			files = append(files, e)
		}
	}
	if err := each(ctx, files, s.deleteKey); err != nil {
		return err
	}
	return each(ctx, markers, s.deleteKey)
}

// deleteKey removes an object. A removal of unknown outcome is looked at, and
// repeated only if the same object is still there.
func (s *store) deleteKey(ctx context.Context, e entry) error {
	s.markers.Delete(e.key)
	lost := false
	for try := 1; ; try++ {
		err := s.client.repeat(ctx, func(ctx context.Context) error {
			return s.client.core.RemoveObject(ctx, s.cfg.Bucket, e.key, minio.RemoveObjectOptions{})
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
		now, err := s.client.head(looking, e.key)
		cancel()
		switch {
		case is(err, fs.ErrNotExist):
			return nil
		case err != nil || try == maxTries || now.tag != e.tag:
			return uncertain
		}
	}
}
