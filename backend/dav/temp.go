package dav

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"

	"github.com/davdisk/davdisk/backend"
)

// Temporary names begin with a tilde and end in .tmp, because programs that
// synchronize leave such names out. davdisk's own reserved prefix would be
// refused by a davdisk at the other end, and ".part" by Nextcloud.
const (
	tempPrefix = "~davdisk-"
	tempSuffix = ".tmp"
)

func baseName(name string) string { return path.Base(name) }

// tempName returns a new name beside another, which is not listed until done is
// called.
func (s *store) tempName(name string) (temp string, done func()) {
	temp = path.Join(path.Dir(name), tempPrefix+rand.Text()+tempSuffix)
	s.temps.Store(temp, nil)
	return temp, func() { s.temps.Delete(temp) }
}

// sendViaTemp uploads under a temporary name, verifies it, and renames it: a
// server that writes an upload to the file while it arrives would leave a part of
// it when it breaks off.
func (u *upload) sendViaTemp(ctx context.Context) (entry, error) {
	var e entry
	var err error
	for try := 1; ; try++ {
		temp, done := u.s.tempName(u.name)
		u.at = temp
		e, err = u.once(ctx)
		if err == nil {
			defer done()
			break
		}
		u.s.discardLate(temp, done)
		var again retryable
		if !errors.As(err, &again) {
			return e, tempError(err)
		}
		if u.seek == nil || try == uploadTries || again.wait > maxRetryAfter || ctx.Err() != nil {
			return e, tempError(again.error)
		}
		if err := u.s.client.sleep(ctx, max(again.wait, u.s.client.backoff(try-1))); err != nil {
			return e, err
		}
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	now, err := u.checkNow(ctx)
	if err != nil {
		u.s.discard(ctx, u.at, false)
		return entry{}, err
	}
	if err := u.s.place(ctx, u.at, u.name, e, now.path != ""); err != nil {
		return entry{}, err
	}
	u.at = u.name
	return u.confirm(ctx, "", true)
}

// tempError is the error of a request for a temporary name: whatever became of it,
// the name that the caller knows has not changed.
func tempError(err error) error {
	var uncertain uncertainError
	if errors.As(err, &uncertain) {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: uncertain.Error()}
	}
	return err
}

// place renames a temporary file to its name, in place of a file or of nothing.
// If the server has deleted that file and then failed, it is renamed again; the
// temporary one is removed only while something is under the name, or never was,
// and the server is done.
func (s *store) place(ctx context.Context, temp, name string, src entry, replaces bool) error {
	err := s.rename(ctx, temp, name, src, replaces, false)
	lost := false
	for try := range maxTries {
		if err == nil {
			return nil
		}
		lost = lost || mayStillRun(err)
		_, gone := s.stat(ctx, name)
		switch {
		case lost && (gone == nil || is(gone, fs.ErrNotExist) && !replaces):
			return uncertainError{fmt.Errorf("the new content is under %q, and may get its name yet: %w", temp, err)}
		case gone == nil, is(gone, fs.ErrNotExist) && !replaces:
			s.discard(ctx, temp, src.Dir)
			return tempError(err)
		case !is(gone, fs.ErrNotExist):
			return uncertainError{fmt.Errorf("the new content is under %q, and may not have got its name: %w", temp, err)}
		}
		s.log.Warn("the server deleted a file that was to be replaced; the new one is renamed again", "name", name, "to be renamed", temp)
		if sleeping := s.client.sleep(ctx, s.client.backoff(try)); sleeping != nil {
			break
		}
		err = s.rename(ctx, temp, name, src, false, false)
	}
	if err == nil {
		return nil
	}
	return uncertainError{fmt.Errorf("the server deleted the old content and did not rename the new one, which is under %q: %w", temp, err)}
}

// mayStillRun reports whether the server may be at a change yet that got no
// success: it has not answered, or a proxy has in its place.
func mayStillRun(err error) bool {
	var lost uncertainError
	return errors.As(err, &lost) && !hasStatus(err, http.StatusInternalServerError)
}

// discardLate removes the temporary file of an upload that failed, in the
// background: a server may be at it still, and store what it got when it notices
// that no more comes. done is called when that is over.
func (s *store) discardLate(temp string, done func()) {
	s.tidy.Go(func() {
		defer done()
		ctx, cancel := outliving(context.Background())
		defer cancel()
		for try := range lookTries {
			if _, err := s.stat(ctx, temp); err == nil {
				s.discard(ctx, temp, false)
			}
			if s.client.sleep(ctx, s.client.backoff(try)) != nil {
				return
			}
		}
	})
}

// discard removes a temporary file or folder, as far as that is possible.
func (s *store) discard(ctx context.Context, temp string, dir bool) {
	ctx, cancel := outliving(ctx)
	defer cancel()
	_, err := s.client.do(ctx, request{method: http.MethodDelete, url: s.client.address(temp, dir)})
	if err != nil && !hasStatus(err, http.StatusNotFound) {
		s.log.Warn("a temporary file could not be removed", "name", temp, "error", translate(err))
	}
}
