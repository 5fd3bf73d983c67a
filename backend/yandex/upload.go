package yandex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
)

const (
	// trustedSize is up to where an upload is believed without looking.
	trustedSize = 8 << 20
	// uploadTries is how often content that can be read again is sent.
	uploadTries = 4
	// confirmTries is how often a look at what was stored is repeated.
	confirmTries = 6
	// linkWindow is how long an upload link can be used (API reference).
	linkWindow = 30 * time.Minute
)

// Put implements backend.Backend. IfVersion is checked by a look just before
// the last block of the body is sent, or before the rename if the content goes
// by way of a temporary name: the service has no conditional write, so a change
// by somebody else between that look and the end of the upload is not seen. A
// file that takes the place of another keeps the properties of that one.
//
// An upload of which nobody knows how it ended is backend.ErrUncertain. Until
// that is known no other change of the name is let through.
func (b *Backend) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := checkName("put", name); err != nil {
		return backend.Info{}, err
	}
	if name == "." {
		return backend.Info{}, backend.PathError("put", name, backend.ErrIsDir, "")
	}
	u := &upload{b: b, name: name, at: name, opts: opts, src: body, size: opts.Size}
	if err := u.measure(); err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	info, err := u.run(ctx)
	return info, pathError("put", name, err)
}

// upload is one Put.
type upload struct {
	b     *Backend
	name  string
	at    string // where the content is sent: name, or a temporary sibling
	opts  backend.PutOptions
	src   io.Reader
	seek  io.Seeker // nil if src can be read only once
	start int64     // where src stood
	size  int64     // -1 if unknown

	target link
	issued time.Time
	sum    *digest
}

// measure finds out whether the source can be read again, and how long it is.
func (u *upload) measure() error {
	seeker, ok := u.src.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // one that only looks as if it could
	}
	u.seek, u.start = seeker, start
	if u.size >= 0 {
		return nil
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	u.size = max(0, end-start)
	_, err = seeker.Seek(start, io.SeekStart)
	return err
}

func (u *upload) run(ctx context.Context) (backend.Info, error) {
	b := u.b
	unlock, err := b.files.lock(ctx, u.name)
	if err != nil {
		return backend.Info{}, err
	}
	defer unlock()
	if err := b.settle(ctx, u.name); err != nil {
		return backend.Info{}, err
	}
	if b.cfg.UploadViaTempName {
		u.at = path.Join(path.Dir(u.name), tempName())
	}
	if err := u.checkEarly(ctx); err != nil {
		return backend.Info{}, err
	}
	modified, err := u.send(ctx)
	if err == nil && u.at != u.name {
		err = u.rename(ctx)
	}
	if err != nil {
		b.sight.unsure(b.path(u.name))
		return backend.Info{}, err
	}
	return u.stored(modified), nil
}

// rename gives content that was sent under a temporary name its own.
func (u *upload) rename(ctx context.Context) error {
	ctx, cancel := issued(ctx)
	defer cancel()
	unlock, err := u.b.folders.lock(ctx, path.Dir(u.name))
	if err != nil {
		return err
	}
	defer unlock()
	u.b.sight.made(u.b.path(u.at), "", false)
	if u.opts.IfVersion != "" {
		err = u.b.sendChecked(ctx, moveResource, u.at, u.name, true, u.checkVersion)
	} else {
		err = u.b.transfer(ctx, moveResource, u.at, u.name, !u.opts.IfAbsent)
	}
	if err != nil {
		u.b.discard(ctx, u.at)
	}
	if is(err, fs.ErrExist) && !u.opts.IfAbsent {
		err = &backend.Error{Kind: backend.ErrIsDir}
	}
	return err
}

// stored notes what is there now and describes it.
func (u *upload) stored(modified time.Time) backend.Info {
	b, at := u.b, u.b.path(u.name)
	md5, sha := u.sum.sums()
	info := backend.Info{
		Name: path.Base(u.name), Size: u.sum.size, ModTime: modified, Version: shortened(sha), MD5: md5, SHA256: sha,
	}
	stamped := b.sight.stamped(at)
	b.sight.made(at, info.Version, false)
	switch {
	case !u.opts.ModTime.IsZero():
		b.times.later(u.name, info.Version, u.opts.ModTime)
		info.ModTime = u.opts.ModTime
	case stamped:
		// The file keeps the properties of the one whose place it took, and
		// with them a modification time that is not its own.
		b.times.later(u.name, info.Version, modified)
	default:
		b.times.drop(u.name)
	}
	return info
}

// send brings the content to the service, in as many tries as make sense. It
// returns the time that the service has for it.
func (u *upload) send(ctx context.Context) (modified time.Time, err error) {
	for try := 1; ; try++ {
		modified, err := u.once(ctx, try > 1)
		if try > 1 && (u.opts.IfAbsent && is(err, fs.ErrExist) || is(err, backend.ErrChanged)) { // it may be ours
			if r, looking := u.b.look(ctx, u.at); looking == nil && u.matches(r) {
				return r.Modified.Time, nil
			}
		}
		var broken brokenUpload
		if !errors.As(err, &broken) {
			return modified, err
		}
		if u.seek == nil || try == uploadTries || ctx.Err() != nil {
			return time.Time{}, broken.error
		}
		u.b.log.Debug("an upload broke and is repeated", "name", u.name, "cause", plain(broken.error))
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-u.b.cfg.After(u.b.api.backoff(0, 0, try-1, nil)):
		}
	}
}

// brokenUpload is an error of a try after which it is certain that nothing
// was stored.
type brokenUpload struct{ error }

// link asks where to send the content. It is here that the service refuses
// what it will not take.
func (u *upload) link(ctx context.Context) error {
	unlock, err := u.b.folders.lock(ctx, path.Dir(u.name))
	if err != nil {
		return err
	}
	defer unlock()
	u.target, u.issued = link{}, u.b.cfg.Now()
	_, err = u.b.api.do(ctx, request{
		call: uploadLink,
		query: url.Values{
			"path": {u.b.path(u.at)}, "overwrite": {strconv.FormatBool(!u.opts.IfAbsent)},
			"fields": {"href,operation_id"},
		},
		out: &u.target,
	})
	folder := hasCode(err, "DiskPathPointsToExistentDirectoryError")
	switch {
	case u.opts.IfVersion != "" && (folder || is(err, fs.ErrNotExist)):
		return errGone()
	case folder:
		return &backend.Error{Kind: backend.ErrIsDir}
	case err == nil && u.target.Href == "":
		return errors.New("the service gave no link to upload to")
	}
	return err
}

// once sends the content, or what is missing of it, and finds out what became
// of it.
func (u *upload) once(ctx context.Context, again bool) (modified time.Time, err error) {
	from := int64(0)
	if again {
		from = u.had(ctx)
	}
	if from == 0 {
		if err := u.link(ctx); err != nil {
			return time.Time{}, err
		}
	}
	body, header, err := u.body(ctx, from)
	if err != nil {
		return time.Time{}, err
	}
	resp, whole, err := u.put(ctx, body, header)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), issuedTime+u.patience(0))
	defer cancel()
	switch {
	case err != nil && !whole:
		return time.Time{}, err
	case err != nil:
		return u.unanswered(ctx, err)
	case resp.status == http.StatusBadGateway, resp.status == http.StatusGatewayTimeout:
		return u.unanswered(ctx, fmt.Errorf("it answered %d", resp.status))
	case resp.status == http.StatusCreated && u.size >= 0 && u.sum.size <= trustedSize && from == 0:
		return resp.date, nil
	case resp.status == http.StatusCreated, resp.status == http.StatusOK: // 200 is what others on the way say
		return u.confirm(ctx)
	case resp.status == http.StatusAccepted:
		if u.target.OperationID != "" {
			if err := u.b.wait(ctx, u.b.operationLink(string(u.target.OperationID))); err != nil {
				return u.unanswered(ctx, err)
			}
		}
		return u.confirm(ctx)
	}
	return time.Time{}, u.refused(resp)
}

// body is the content from a place on. The hashes of all of it are known once
// it is sent, or before if it is sent in part.
func (u *upload) body(ctx context.Context, from int64) (*payload, http.Header, error) {
	if u.seek != nil {
		if _, err := u.seek.Seek(u.start+from, io.SeekStart); err != nil {
			return nil, nil, sourceError{err}
		}
	}
	if from > 0 {
		header := http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", from, u.size-1, u.size)}}
		return newPayload(ctx, u.src, u.size-from, nil, u.checkLast), header, nil
	}
	u.sum = newDigest()
	return newPayload(ctx, u.src, u.size, u.sum, u.checkLast), nil, nil
}

// unanswered finds out what became of an upload whose last byte went out, by
// its operation, by what is there, and by what the uploader has. It never
// sends the content again while the first may still arrive: if that cannot be
// told, the name is closed until it can.
func (u *upload) unanswered(ctx context.Context, cause error) (modified time.Time, err error) {
	b := u.b
	md5, sha := u.sum.sums()
	open := unsettled{
		Operation: string(u.target.OperationID), Href: string(u.target.Href),
		Size: u.sum.size, MD5: md5, SHA256: sha, Until: u.issued.Add(linkWindow),
	}
	for pause := firstPoll; open.Operation != "" && pause <= 2*lastPoll; pause *= 2 {
		done, err := b.poll(ctx, b.operationLink(open.Operation))
		switch {
		case done && err == nil:
			return u.confirm(ctx)
		case done:
			return time.Time{}, brokenUpload{err}
		}
		select {
		case <-ctx.Done():
		case <-b.cfg.After(pause):
		}
	}
	if r, err := b.look(ctx, u.at); err == nil && u.matches(r) {
		return r.Modified.Time, nil
	}
	// Where the connection broke, what the uploader lacks is not on its way any
	// more. One that stood still may only be slow to count.
	if n, ok := b.received(ctx, open); ok && !errors.Is(cause, errStalled) && (n < open.Size || n == 0) {
		return time.Time{}, brokenUpload{fmt.Errorf("the upload broke off: %w", cause)}
	}
	if err := b.pending.set(u.at, open); err != nil {
		b.log.Warn("an upload of unknown end is forgotten if the program ends now", "name", u.name, "error", err)
	}
	return time.Time{}, &backend.Error{Kind: backend.ErrUncertain, RetryAfter: settleAgain,
		Message: "the upload server did not say whether it stored the file (" + plain(cause) + ")"}
}

// confirm compares what is stored with what was sent. Metadata may be late.
func (u *upload) confirm(ctx context.Context) (modified time.Time, err error) {
	for try := range confirmTries {
		var r *resource
		r, err = u.b.look(ctx, u.at)
		if err == nil && u.matches(r) {
			return r.Modified.Time, nil
		}
		if err != nil && !is(err, fs.ErrNotExist) {
			return time.Time{}, lost{err}
		}
		select {
		case <-ctx.Done():
			return time.Time{}, lost{ctx.Err()}
		case <-u.b.cfg.After(u.b.api.backoff(0, 0, try, nil)):
		}
	}
	if err == nil {
		err = errors.New("the service shows other content than was sent")
	}
	return time.Time{}, lost{err}
}

// matches tells whether a file has the content that was sent.
func (u *upload) matches(r *resource) bool {
	md5, _ := u.sum.sums()
	return r.Type == "file" && int64(r.Size) == u.sum.size && (r.MD5 == "" || string(r.MD5) == md5)
}
