package yandex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/reading"
	"github.com/davdisk/davdisk/internal/rival"
	"github.com/davdisk/davdisk/internal/unsettled"
)

const (
	// smallSize is the size up to which an upload is expected to end soon: it is
	// neither checked before it is sent, nor resumed.
	smallSize = 8 << 20
	// uploadTries is how often rewindable content is sent.
	uploadTries = 4
	// linkWindow is how long an upload link can be used (API reference).
	linkWindow = 30 * time.Minute
)

// Put implements backend.Backend. IfVersion is checked by a call just before
// the last block of the body is sent, or before the rename if the content goes
// by way of a temporary name: the service has no conditional write, so a change
// by another client between that call and the end of the upload is not seen. A
// file that takes the place of another keeps the properties of that one.
//
// Put succeeds once the service says that it has the size and the hash of what
// was sent. An upload of unknown outcome, or one of which the service has
// something else, is backend.ErrUncertain. Until the outcome is known, other
// changes of the name are refused.
func (b *Backend) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if name == "." {
		return backend.Info{}, backend.PathError("put", name, backend.ErrIsDir, "")
	}
	u := &upload{b: b, name: name, at: name, opts: opts, src: body}
	var err error
	if u.seek, u.start, u.size, err = reading.Measure(body, opts.Size); err != nil {
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

	target  api.Link
	issued  time.Time
	sum     *digest
	toldMD5 string // of what was sent, by the service
	before  string // version that the name had by what is known; "" if nothing is
	absent  bool   // nothing had the name, by what is known
	told    int    // how often others had told to have stored the name when it was sent
	resent  bool   // because the service had not what was sent
}

func (u *upload) run(ctx context.Context) (backend.Info, error) {
	b := u.b
	if _, err := b.path(u.name); err != nil { // a temporary name would be a good one
		return backend.Info{}, err
	}
	unlock, err := b.files.Lock(ctx, pathlock.One(u.name))
	if err != nil {
		return backend.Info{}, err
	}
	defer unlock()
	if err := b.recoverPending(ctx, u.name); err != nil {
		return backend.Info{}, err
	}
	if err := b.lost.settle(ctx, u.name, lostChange{}); err != nil {
		return backend.Info{}, err
	}
	if b.cfg.UploadViaTempName {
		u.at = b.leftovers.take(u.name)
		defer b.leftovers.release(u.at)
	}
	if err := u.checkEarly(ctx); err != nil {
		return backend.Info{}, err
	}
	if v, ok := b.recent.fresh(u.name); ok {
		u.before = v.version
	}
	if u.opts.IfVersion != "" {
		u.before = u.opts.IfVersion
	}
	u.absent = u.before == "" && b.recent.absent(u.name)
	modified, err := u.send(ctx)
	if err == nil && u.at != u.name {
		err = u.rename(ctx)
	}
	if err != nil {
		b.recent.invalidate(u.name)
		return backend.Info{}, err
	}
	return u.stored(modified), nil
}

// rename renames content sent under a temporary name.
func (u *upload) rename(ctx context.Context) error {
	ctx, cancel := issued(ctx)
	defer cancel()
	unlock, err := u.b.folders.Lock(ctx, pathlock.One(path.Dir(u.name)))
	if err != nil {
		return err
	}
	defer unlock()
	u.b.recent.created(u.at, "", false)
	defer u.b.recent.removed(u.at)
	var changed error
	if u.opts.IfVersion != "" {
		err = u.b.sendChecked(ctx, api.MoveResource, u.at, u.name, true, func(ctx context.Context) error {
			changed = u.checkVersion(ctx)
			return changed
		})
	} else {
		err = u.b.transfer(ctx, api.MoveResource, u.at, u.name, backend.MoveOptions{Overwrite: !u.opts.IfAbsent})
	}
	if err == nil {
		u.b.leftovers.gone(u.at)
	} else if !errors.As(err, new(api.OpenError)) { // or it is being moved
		if u.b.discard(ctx, u.at) && changed != nil { // no attempt has renamed it, or can
			err = changed
		}
	}
	if is(err, fs.ErrExist) && !u.opts.IfAbsent {
		err = &backend.Error{Kind: backend.ErrIsDir}
	}
	return err
}

// stored records the stored file and describes it.
func (u *upload) stored(modified time.Time) backend.Info {
	b := u.b
	sha := u.sum.sha256()
	info := backend.Info{
		Name: path.Base(u.name), Size: u.sum.size, ModTime: modified, Version: shortened(sha), MD5: u.toldMD5, SHA256: sha,
	}
	stamped := b.recent.stamped(u.name)
	b.recent.created(u.name, info.Version, false)
	switch {
	case !u.opts.ModTime.IsZero():
		b.times.enqueue(u.name, info.Version, u.opts.ModTime)
		info.ModTime = u.opts.ModTime
	case stamped:
		// The file keeps the properties of the one whose place it took, and
		// with them a modification time that is not its own.
		b.times.enqueue(u.name, info.Version, modified)
	default:
		b.times.drop(u.name)
	}
	return info
}

// send uploads the content with retries. It returns the modification time of
// the service.
func (u *upload) send(ctx context.Context) (modified time.Time, err error) {
	for try := 1; ; try++ {
		modified, err := u.once(ctx, try > 1)
		if try > 1 && (u.opts.IfAbsent && is(err, fs.ErrExist) || is(err, backend.ErrChanged)) { // it may be ours
			if r, looking := u.b.look(ctx, u.at); looking == nil && u.matches(ctx, r) {
				return r.Modified.Time, nil
			}
		}
		var retryable api.RetryableError
		if !errors.As(err, &retryable) {
			return modified, err
		}
		if u.seek == nil || try == uploadTries || ctx.Err() != nil {
			return time.Time{}, retryable.Err
		}
		u.b.log.Debug("an upload is retried", "name", u.name, "cause", httpclient.Message(retryable.Err))
		if err := u.b.api.Backoff(ctx, try-1); err != nil {
			return time.Time{}, err
		}
	}
}

// link requests an upload link. This is where the service rejects an
// upload. It changes nothing yet, so the folder is not locked for it, and links
// into one folder need not wait for each other.
func (u *upload) link(ctx context.Context) error {
	target, err := u.b.path(u.at)
	if err != nil {
		return err
	}
	if u.at != u.name {
		u.b.leftovers.record(u.at)
	}
	u.target, u.issued = api.Link{}, u.b.cfg.Now()
	_, err = u.b.api.Do(ctx, api.Request{
		Call: api.UploadLink,
		Query: url.Values{
			"path": {target}, "overwrite": {strconv.FormatBool(!u.opts.IfAbsent)},
			"fields": {"href,operation_id"},
		},
		Out: &u.target,
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

// once sends the content, or the missing rest, and returns its outcome. The
// hashes of the whole are known after sending it, or before if it is resumed.
func (u *upload) once(ctx context.Context, again bool) (modified time.Time, err error) {
	put := api.Upload{
		Body: u.src, Size: u.size, Check: u.checkLast,
		Rewindable: u.seek != nil, IfAbsent: u.opts.IfAbsent, AnswerTimeout: u.answerTimeout(),
	}
	if again {
		put.Offset = u.receivedOffset(ctx)
	}
	u.b.confirmations.begin(u)
	defer u.b.confirmations.end(u)
	if put.Offset == 0 {
		if err := u.link(ctx); err != nil {
			return time.Time{}, err
		}
		u.sum = newDigest(u.seek == nil) // else it can be read again
		put.Sum = u.sum
	}
	put.Link = string(u.target.Href)
	if u.seek != nil {
		if _, err := u.seek.Seek(u.start+put.Offset, io.SeekStart); err != nil {
			return time.Time{}, httpclient.BodyError{Err: err}
		}
	}
	done, err := u.b.api.Put(ctx, put)
	u.told = rival.From(ctx).Told()
	ctx, cancel := api.Detach(ctx, issuedTime+put.AnswerTimeout)
	defer cancel()
	if u.at != u.name { // of its rename alone the caller need know
		ctx = unsettled.Without(ctx)
	}
	switch {
	case done.Unanswered:
		return u.recoverOutcome(ctx, err)
	case err != nil:
		return time.Time{}, err
	case done.Accepted && u.target.OperationID != "":
		link := u.b.api.OperationLink(string(u.target.OperationID))
		if err := u.b.await(ctx, link, []string{u.at}, func() error { return u.b.api.Wait(ctx, link) }); err != nil {
			return u.recoverOutcome(ctx, err)
		}
	}
	return u.confirm(ctx)
}

// answerTimeout is how long the upload server may take after the last byte: it
// hashes and moves what it got.
func (u *upload) answerTimeout() time.Duration {
	return u.b.cfg.UploadWait + time.Duration(float64(max(0, u.size))/(1<<30)*float64(2*time.Minute))
}

// recoverOutcome determines the outcome of an upload whose last byte was sent,
// by its operation, by the stored file, and by what the upload server has. It
// never sends the content again while the first upload may still take effect:
// until then the name is pending, and closed to changes.
func (u *upload) recoverOutcome(ctx context.Context, cause error) (modified time.Time, err error) {
	b := u.b
	pending := pendingChange{
		Operation: string(u.target.OperationID), Href: string(u.target.Href),
		Size: u.sum.size, SHA256: u.sum.sha256(), Until: u.issued.Add(linkWindow),
	}
	var open api.OpenError // then the upload server has taken the file, and has nothing to say
	accepted := errors.As(cause, &open)
	forgotten := false // by the service, which has ended it then
	for pause := api.FirstPoll; pending.Operation != "" && pause <= 2*api.LastPoll; pause *= 2 {
		done, err := b.api.Poll(ctx, b.api.OperationLink(pending.Operation))
		switch {
		case done && err == nil:
			b.forgetPending(u.at, pendingChange{Link: open.Link})
			return u.confirm(ctx)
		case done:
			b.forgetPending(u.at, pendingChange{Link: open.Link})
			return time.Time{}, api.RetryableError{Err: err}
		}
		forgotten = hasCode(err, api.CodeNoOperation)
		_ = b.api.Sleep(ctx, pause) // an ended context fails the next call
	}
	if r, err := b.look(ctx, u.at); err == nil && u.matches(ctx, r) && (forgotten || u.isNew(ctx, r)) {
		b.forgetPending(u.at, pendingChange{Link: open.Link})
		return r.Modified.Time, nil
	}
	if accepted { // its name is closed already
		return time.Time{}, &backend.Error{Kind: backend.ErrUncertain, RetryAfter: pendingRetryAfter,
			Message: "the service has taken the file, and has not said yet whether it is stored"}
	}
	// After a broken connection nothing more can arrive. After a timeout the
	// server may only be slow to count what it has received.
	pending.MD5 = u.md5(ctx)
	if n, ok := b.api.Received(ctx, pending.Href, pending.Size, pending.MD5, pending.SHA256); ok && !errors.Is(cause, httpclient.ErrIdleTimeout) && (n < pending.Size || n == 0) {
		return time.Time{}, api.RetryableError{Err: fmt.Errorf("the upload broke off: %w", cause)}
	}
	b.pendingMu.Lock()
	err = b.pending.set(u.at, pending)
	b.pendingMu.Unlock()
	if err != nil {
		b.log.Warn("an upload of unknown outcome is not followed after a restart", "name", u.name, "error", err)
	}
	b.reportPending(ctx, u.at, pending)
	return time.Time{}, &backend.Error{Kind: backend.ErrUncertain, RetryAfter: pendingRetryAfter,
		Message: "the upload server did not say whether it stored the file (" + httpclient.Message(cause) + ")"}
}

// isNew reports whether r, which has the content that was sent, shows that this upload
// has stored it: that it was not there before. The upload would else replace, late, what
// is stored after it. The time of r proves nothing: a change of properties moves it.
func (u *upload) isNew(ctx context.Context, r *api.Resource) bool {
	switch {
	case u.at != u.name: // the name is of this upload alone
		return true
	case u.resent || rival.From(ctx).Possible(ctx): // what is there may be of another upload
		return false
	case u.opts.IfAbsent, u.absent: // nothing was there when the service gave the link, or a moment before
		return true
	}
	known := u.before != "" && u.before != versionOf(r)
	return known && u.before != shortened(u.sum.sha256()) && u.before != u.md5(ctx)
}

// receivedOffset returns how much of an interrupted upload the upload server
// has. The request is not documented: zero means to start over with another
// link. It is not worthwhile for small content.
func (u *upload) receivedOffset(ctx context.Context) int64 {
	if u.size <= smallSize || u.b.cfg.Now().After(u.issued.Add(linkWindow)) {
		return 0
	}
	sum := u.readAgain(ctx)
	if sum == nil {
		return 0
	}
	n, ok := u.b.api.Received(ctx, string(u.target.Href), u.size, sum.md5sum(), sum.sha256())
	if !ok || n >= u.size {
		return 0
	}
	u.sum = sum
	return n
}
