package yandex

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/rival"
)

// An upload succeeds only when the service tells the size and hash of what was
// sent; the response to the upload alone is not proof.

// confirmTries is how often a file is looked up that is missing, or does not have
// the content that was sent.
const confirmTries = 6

// storedFields are the members of a resource by which an upload is confirmed.
const storedFields = "type,name,size,md5,sha256,modified"

// storedAt looks a name up by the fields that confirm an upload.
func (b *Backend) storedAt(ctx context.Context, name string) (*api.Resource, error) {
	at, err := b.path(name)
	if err != nil {
		return nil, err
	}
	return b.api.Resource(ctx, api.Request{Call: api.GetResource, Query: url.Values{
		"path": {at}, "fields": {storedFields}, "limit": {"0"},
	}})
}

// confirm compares what is stored with what was sent and returns its
// modification time. The service's metadata may lag, so the lookup is repeated.
func (u *upload) confirm(ctx context.Context) (modified time.Time, err error) {
	r := u.b.confirmations.look(ctx, u)
	for try := 0; r == nil || !u.matches(ctx, r); try++ {
		if u.replaced(ctx, r) {
			return time.Time{}, errReplaced()
		}
		if try > 0 {
			if err := u.b.api.Backoff(ctx, try-1); err != nil {
				return time.Time{}, u.unconfirmed(err)
			}
		}
		r, err = u.b.storedAt(ctx, u.at)
		if err != nil && r == nil && !is(err, fs.ErrNotExist) {
			return time.Time{}, u.unconfirmed(err)
		}
		if try == confirmTries && (r == nil || !u.matches(ctx, r)) {
			return time.Time{}, u.notStored(ctx, r)
		}
	}
	return r.Modified.Time, nil
}

var errRival = errors.New("another gateway stored the file at the same time, and what is there is not what was sent")

func errReplaced() error {
	return &backend.Error{Kind: fmt.Errorf("%w: %w", backend.ErrUncertain, rival.ErrReplaced)}
}

// unconfirmed returns the error for an upload that could not be compared, or
// differs. An upload under a temporary name is removed: the file itself has not
// changed.
func (u *upload) unconfirmed(err error) error {
	if u.at == u.name {
		return api.UncertainError{Err: err}
	}
	u.b.discard(context.Background(), u.at)
	return err
}

// replaced reports whether r is known to be what another gateway has stored in place of
// what was sent: it has told that after the last byte. Nothing shows late then.
func (u *upload) replaced(ctx context.Context, r *api.Resource) bool {
	known := rival.From(ctx)
	return r != nil && u.at == u.name && known.Stored(versionOf(r), u.told) && known.Possible(ctx)
}

// notStored returns the error for an upload that the service reported as stored
// although it has r instead; nil means that it has nothing. It permits one more
// attempt if that can replace no other content: r may be what another gateway has
// stored and acknowledged since. It has replaced what was sent if that was told after
// the last byte; before, it may as well be what the service has kept in place of it.
func (u *upload) notStored(ctx context.Context, r *api.Resource) error {
	log := u.b.log.With("name", u.name, "bytes", u.sum.size)
	if u.replaced(ctx, r) {
		return errReplaced()
	}
	if u.at == u.name && rival.From(ctx).Possible(ctx) {
		log.Warn("another gateway stored the file at the same time, and what is there is not what was sent; it is not sent again")
		return u.unconfirmed(errRival)
	}
	again := u.seek != nil && !u.resent && (u.at != u.name || u.opts.IfVersion == "" && !u.opts.IfAbsent)
	then := "the previous content is gone"
	switch {
	case r == nil:
		then = "nothing is there"
	case u.at != u.name:
		then = "the previous content is unchanged"
	case u.opts.IfAbsent:
		then = "other content is there"
	case u.before == "":
		then = "the previous content may be gone"
	case versionOf(r) == u.before:
		then = "the previous content is still there"
	}
	err := fmt.Errorf("the service reported success but did not store what was sent; %s", then)
	if r != nil {
		log = log.With("bytes in the store", int64(r.Size))
	}
	if again {
		log.Warn("the service reported success but did not store what was sent; sending it again")
		u.resent, u.issued = true, time.Time{} // by a new link, from the start
		return api.RetryableError{Err: u.unconfirmed(err)}
	}
	log.Error("the service reported success but did not store what was sent; "+then, "sent again", u.resent)
	return u.unconfirmed(err)
}

// matches reports whether a file has the content that was sent. If the hashes
// are equal, a size that is not told does not matter.
func (u *upload) matches(ctx context.Context, r *api.Resource) bool {
	same := int64(r.Size) == u.sum.size
	switch {
	case r.Type != "file":
		return false
	case r.SHA256 != "":
		same = string(r.SHA256) == u.sum.sha256() && (same || r.Size == 0)
	case r.MD5 != "":
		same = string(r.MD5) == u.md5(ctx) && (same || r.Size == 0)
	}
	if same {
		u.toldMD5 = string(r.MD5)
	}
	return same
}
