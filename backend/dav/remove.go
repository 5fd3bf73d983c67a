package dav

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Remove implements backend.Backend. Whether there is a trash is the server's
// affair. IfEmpty is checked just before.
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
	case opts.IfEmpty && e.Dir:
		_, _, n, err := s.list(ctx, name)
		if err == nil && n > 0 {
			err = &backend.Error{Kind: backend.ErrNotEmpty}
		}
		if err != nil {
			return pathError("remove", name, err)
		}
	}
	return pathError("remove", name, s.remove(ctx, name, e, opts.IfVersion))
}

// remove removes what was just found under a name; a file under the condition
// that it still is one, where the server checks that.
func (s *store) remove(ctx context.Context, name string, e entry, ifVersion string) error {
	tag := ""
	if !e.Dir && e.strong() && s.can.Conditions {
		tag = e.tag
	}
	var earlier error // of an attempt that may have been carried out, or may yet be
	outcome := func(err error) error {
		switch {
		case earlier == nil || err == nil:
			return err
		case is(err, fs.ErrNotExist):
			return nil
		}
		return earlier
	}
	for range maxTries {
		err := s.delete(ctx, name, e.Dir, tag)
		var lost uncertainError
		isLost := errors.As(err, &lost)
		if isLost {
			earlier = lost
		}
		if !isLost && !hasStatus(err, http.StatusPreconditionFailed) {
			return outcome(err)
		}
		ctx, cancel := outliving(ctx)
		defer cancel()
		if isLost {
			_ = s.client.sleep(ctx, s.client.backoff(0))
		}
		now, looking := s.stat(ctx, name)
		switch {
		case isLost && is(looking, fs.ErrNotExist):
			return nil
		case looking != nil && isLost:
			return lost
		case looking != nil:
			return outcome(looking)
		case isLost && (tag == "" || now.Version != e.Version):
			return uncertainError{fmt.Errorf("something is still there: %w", lost.error)}
		case now.Dir != e.Dir, ifVersion != "" && now.Version != ifVersion:
			return outcome(&backend.Error{Kind: backend.ErrChanged})
		case !isLost && now.tag == tag, !now.strong():
			tag = "" // weak for the server, as Apache's is in the first second
		default:
			tag = now.tag
		}
	}
	return outcome(&backend.Error{Kind: backend.ErrLocked, Message: "it changes again and again"})
}

// delete sends a DELETE.
func (s *store) delete(ctx context.Context, name string, dir bool, tag string) error {
	header := http.Header{}
	if tag != "" {
		header.Set("If-Match", tag)
	}
	resp, err := s.client.do(ctx, request{method: http.MethodDelete, url: s.client.address(name, dir), header: header})
	switch {
	case err == nil && resp.status == http.StatusMultiStatus:
		if err := firstFailure(resp.body); err != nil {
			return uncertainError{fmt.Errorf("a part of it is still there: %w", err)}
		}
	case is(err, fs.ErrNotExist):
		err = s.client.missing(ctx, err)
	}
	if err == nil && resp.status == http.StatusNoContent || err != nil && !is(err, fs.ErrNotExist) {
		return err
	}
	// A page to log in has 200, and a proxy whose server is away answers 404.
	ctx, cancel := outliving(ctx)
	defer cancel()
	switch _, looking := s.stat(ctx, name); {
	case looking == nil && err != nil:
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "the server answered 404 Not Found, and lists it"}
	case looking == nil:
		return uncertainError{fmt.Errorf("the server answered %d, and did not remove it", resp.status)}
	case !is(looking, fs.ErrNotExist):
		return uncertainError{looking}
	}
	return err
}
