package dav

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Move implements backend.Backend. A file is moved over another by the server
// if it does that in one step (Config.AtomicMove); else it is read and stored,
// and the source removed, if the server stores in one step.
func (s *store) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := s.checkTwo(ctx, "move", from, to); err != nil {
		return err
	}
	unlock, err := s.names.Lock(ctx, pathlock.Tree(from), pathlock.Tree(to))
	if err != nil {
		return linkError("move", from, to, err)
	}
	defer unlock()
	src, dst, err := s.ends(ctx, from, to, opts.Overwrite)
	if err != nil || from == to {
		return linkError("move", from, to, err)
	}
	if dst.path != "" && !s.cfg.AtomicMove && s.can.WholePut {
		err = s.moveThrough(ctx, from, to, src)
	} else {
		err = s.rename(ctx, from, to, src, dst.path != "", opts.Once)
	}
	if err == nil {
		s.renamed(from, to)
	}
	return linkError("move", from, to, err)
}

// checkTwo refuses bad names, and the root.
func (s *store) checkTwo(ctx context.Context, op, from, to string) error {
	if err := check(ctx, op, from); err != nil {
		return err
	}
	if err := s.checkNew(ctx, op, to); err != nil {
		return err
	}
	if from == "." || to == "." {
		return backend.LinkError(op, from, to, fs.ErrInvalid, "the root itself")
	}
	return nil
}

// ends describes both ends of a Move or Copy, and refuses what the contract does.
// The target has no path if nothing is there, or if it is the source.
func (s *store) ends(ctx context.Context, from, to string, overwrite bool) (src, dst entry, err error) {
	src, err = s.stat(ctx, from)
	if err != nil || from == to {
		return src, entry{}, err
	}
	if src.Dir && backend.Within(to, from) {
		return src, dst, &backend.Error{Kind: fs.ErrInvalid, Message: "a folder cannot be put below itself"}
	}
	dst, err = s.stat(ctx, to)
	switch {
	case is(err, fs.ErrNotExist):
		return src, entry{}, s.needParent(ctx, to)
	case err != nil:
		return src, dst, err
	case s.oneName(from, to):
		return src, dst, &backend.Error{Kind: fs.ErrExist, Message: "for the server both names are one"}
	case !overwrite || src.Dir || dst.Dir:
		return src, dst, &backend.Error{Kind: fs.ErrExist}
	}
	return src, dst, nil
}

// oneName reports whether two names may be one for the server: then what is under
// the second is what is under the first.
func (s *store) oneName(a, b string) bool {
	if s.can.IgnoreForm {
		a, b = norm.NFC.String(a), norm.NFC.String(b)
	}
	return a == b || s.can.IgnoreCase && strings.EqualFold(a, b)
}

// moveThrough moves a file over another by way of this machine.
func (s *store) moveThrough(ctx context.Context, from, to string, src entry) error {
	if err := s.copyThrough(ctx, from, to, src); err != nil {
		return err
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	now, err := s.stat(ctx, from) // it took a while
	switch {
	case is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return uncertainError{fmt.Errorf("it was copied, and the source may still be there: %w", err)}
	case !now.Dir && now.Version == src.Version:
		err = s.remove(ctx, from, now, src.Version)
	default:
		err = &backend.Error{Kind: backend.ErrChanged}
	}
	switch {
	case is(err, fs.ErrNotExist):
		return nil
	case is(err, backend.ErrChanged):
		return &backend.Error{Kind: backend.ErrChanged, Message: "the source was replaced while it was moved; the target has what it was before"}
	}
	return err
}

// copyThrough reads a file and stores it.
func (s *store) copyThrough(ctx context.Context, from, to string, src entry) error {
	body, err := (&content{s: s, name: from, entry: src}).Range(ctx, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = s.put(ctx, to, body, backend.PutOptions{Size: src.Size, ModTime: src.ModTime})
	return err
}

// rename asks the server to move a file or folder, in place of a file or of
// nothing; with once, no second time if there is no answer.
func (s *store) rename(ctx context.Context, from, to string, src entry, replaces, once bool) error {
	err := s.transfer(ctx, "MOVE", from, to, src, replaces, once)
	ctx, cancel := outliving(ctx)
	defer cancel()
	var lost uncertainError
	for try := range lookTries {
		if !errors.As(err, &lost) || s.client.sleep(ctx, s.client.backoff(try)) != nil {
			break
		}
		source, gone := s.stat(ctx, from)
		target, missing := s.stat(ctx, to)
		switch {
		case is(gone, fs.ErrNotExist) && missing == nil && alike(&target, &src):
			return nil
		case !once && gone == nil && alike(&source, &src) && is(missing, fs.ErrNotExist):
			// Nothing is replaced by sending it again. The first one may be carried
			// out meanwhile or later, whatever this one is refused for.
			again := s.transfer(ctx, "MOVE", from, to, src, false, false)
			var uncertain uncertainError
			if again == nil || errors.As(again, &uncertain) {
				err = again
			}
		}
	}
	return err
}

// alike reports whether two entries may be one file or folder under two names.
func alike(a, b *entry) bool { return a.Dir == b.Dir && a.Size == b.Size }

// transfer sends a COPY or MOVE; with once, not again where the server may carry it out.
func (s *store) transfer(ctx context.Context, method, from, to string, src entry, replaces, once bool) error {
	overwrite := "F"
	if replaces {
		overwrite = "T"
	}
	resp, err := s.client.do(ctx, request{method: method, url: s.client.address(from, src.Dir), header: http.Header{
		"Destination": {s.client.address(to, src.Dir).String()}, "Overwrite": {overwrite}, "Depth": {"infinity"},
	}, once: once})
	if err == nil && resp.status == http.StatusMultiStatus {
		if err = firstFailure(resp.body); err != nil {
			err = uncertainError{err}
		}
	}
	if err == nil && resp.status != http.StatusCreated && resp.status != http.StatusNoContent {
		err = s.done(ctx, method, from, to, src, resp.status)
	}
	if err == nil || is(err, backend.ErrUnauthorized) || is(err, backend.ErrQuota) {
		return err
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	var lost uncertainError
	if !errors.As(err, &lost) {
		if _, gone := s.stat(ctx, from); is(gone, fs.ErrNotExist) {
			return gone
		}
	}
	if hasStatus(err, http.StatusPreconditionFailed) {
		return &backend.Error{Kind: fs.ErrExist}
	}
	return s.why(ctx, to, err) // nginx answers 500 where the folder is missing
}

// done returns an error unless a COPY or MOVE was carried out that was answered
// with a success that is not usual: a page to log in has 200.
func (s *store) done(ctx context.Context, method, from, to string, src entry, status int) error {
	ctx, cancel := outliving(ctx)
	defer cancel()
	copied, err := s.stat(ctx, to)
	if err == nil && alike(&copied, &src) {
		if method == "COPY" {
			return nil
		}
		if _, err := s.stat(ctx, from); is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return uncertainError{fmt.Errorf("the server answered %d to %s, and did not do it", status, method)}
}
