package s3

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Mkdir implements backend.Backend.
func (s *store) Mkdir(ctx context.Context, name string) error {
	if err := s.checkNew(ctx, "mkdir", name); err != nil {
		return err
	}
	if name == "." {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	unlock, err := s.lock(ctx, true, pathlock.One(name))
	if err != nil {
		return pathError("mkdir", name, err)
	}
	defer unlock()
	_, there, err := s.look(ctx, s.key(name))
	if err != nil {
		return pathError("mkdir", name, err)
	}
	if there {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	err = s.needParent(ctx, name)
	if err == nil {
		err = s.mark(ctx, s.dirKey(name))
	}
	if is(err, backend.ErrIsDir) || refusedCondition(err) {
		err = &backend.Error{Kind: fs.ErrExist}
	}
	return pathError("mkdir", name, err)
}

// markerHeaders are what a marker is stored with.
func markerHeaders() minio.PutObjectOptions {
	return minio.PutObjectOptions{ContentType: "application/x-directory"}
}

// mark stores the marker of a folder. Where the server checks conditions, the
// error is a refused one if it is there. One of unknown outcome is looked for.
func (s *store) mark(ctx context.Context, key string) error {
	sent := false
	var err error
	for try := range uploadTries {
		if try > 0 {
			if err := s.client.sleep(ctx, s.client.backoff(try-1)); err != nil {
				return unsure(sent, err)
			}
		}
		var tag string
		tag, err = s.client.put(ctx, key, newPart(nil), markerHeaders(), condition{absent: s.can.IfAbsent})
		if err == nil && tag == "" { // it may be a page of a proxy
			err = uncertainError{errNotS3}
		}
		var lost uncertainError
		switch {
		case errors.As(err, &lost):
			sent = true
		case err == nil || sent && refusedCondition(err):
			s.markers.Store(key, nil)
			return nil
		case !errors.As(err, new(retryable)):
			return unsure(sent, err)
		}
		if sent {
			if _, err := s.client.head(ctx, key); err == nil {
				s.markers.Store(key, nil)
				return nil
			}
		}
	}
	return unsure(sent, err)
}

// keepFolder gives the folder of a name a marker, so that it stays when the last
// of its content goes.
func (s *store) keepFolder(ctx context.Context, name string) error {
	key := s.dirKey(path.Dir(name))
	if _, known := s.markers.Load(key); known || key == "" {
		return nil
	}
	_, err := s.client.head(ctx, key)
	if is(err, fs.ErrNotExist) {
		err = s.mark(ctx, key)
		if refusedCondition(err) {
			err = nil
		}
	}
	if err == nil {
		s.markers.Store(key, nil)
	}
	return err
}
