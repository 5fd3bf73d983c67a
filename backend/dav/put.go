package dav

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/reading"
)

const (
	// uploadTries is how often rewindable content is sent.
	uploadTries = 4
	// lookTries is how often a file is looked at that has not yet what was sent.
	lookTries = 4
	// smallSize is the size up to which a condition that was checked just before
	// an upload is not checked again before the last of its bytes.
	smallSize = 64 << 10
)

// Put implements backend.Backend. It succeeds once the server lists the file
// with the size, and the hash if it tells one, of what was sent. An upload of
// unknown outcome is looked at; it is repeated only under a condition that
// fails if it took effect meanwhile, or under another temporary name, and else
// is backend.ErrUncertain.
func (s *store) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := s.checkNew(ctx, "put", name); err != nil {
		return backend.Info{}, err
	}
	if name == "." {
		return backend.Info{}, backend.PathError("put", name, backend.ErrIsDir, "")
	}
	unlock, err := s.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	defer unlock()
	e, err := s.put(ctx, name, body, opts)
	return e.Info, pathError("put", name, err)
}

// put is Put by a caller that has locked the name.
func (s *store) put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (entry, error) {
	u := &upload{s: s, name: name, at: name, opts: opts, src: body}
	var err error
	if u.seek, u.start, u.size, err = reading.Measure(body, opts.Size); err != nil {
		return entry{}, httpclient.BodyError{Err: err}
	}
	if err := s.needParent(ctx, name); err != nil {
		return entry{}, err
	}
	if err := u.checkEarly(ctx); err != nil {
		return entry{}, err
	}
	if err := u.waitForTag(ctx); err != nil {
		return entry{}, err
	}
	var e entry
	if s.can.WholePut {
		e, err = u.send(ctx)
	} else {
		e, err = u.sendViaTemp(ctx)
	}
	if err != nil {
		return entry{}, err
	}
	return u.timed(ctx, e), nil
}

// upload is one Put.
type upload struct {
	s     *store
	name  string
	at    string // where the content is sent: name, or a temporary sibling
	opts  backend.PutOptions
	src   io.Reader
	seek  io.Seeker // nil if src can be read only once
	start int64     // where src stood
	size  int64     // -1 if unknown

	sum     *digest
	match   string // If-Match to send, empty: none
	absent  bool   // send If-None-Match: *
	sent    bool   // an upload of unknown outcome has gone before
	checked bool   // the last bytes wait for a check of the conditions
}

// checkEarly checks the conditions before anything is sent, where that is needed:
// a version is no entity tag, and some servers ignore conditions.
func (u *upload) checkEarly(ctx context.Context) error {
	u.absent = u.opts.IfAbsent && u.s.can.Conditions && u.s.can.WholePut
	if u.opts.IfVersion == "" && (!u.opts.IfAbsent || u.absent) {
		u.checked = u.opts.IfAbsent && !u.s.can.AtomicConditions && !u.small()
		return nil
	}
	e, err := u.checkNow(ctx)
	if err != nil {
		return err
	}
	if u.opts.IfVersion != "" && u.s.can.Conditions && u.s.can.WholePut && e.strong() {
		u.match = e.tag
	}
	u.checked = !(u.match != "" && u.s.can.AtomicConditions) && !u.small()
	return nil
}

// waitForTag waits, if need be, until the second is over in which the file was
// stored that is about to be replaced: where entity tags are made of size and
// seconds, the new content could have the old one's.
func (u *upload) waitForTag(ctx context.Context) error {
	if !u.s.can.CoarseTags {
		return nil
	}
	e, err := u.s.stat(ctx, u.name)
	switch {
	case is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case e.Dir, u.size >= 0 && e.Size != u.size, !e.date.IsZero() && e.date.Sub(e.ModTime) >= time.Second:
		return nil
	}
	return u.s.client.sleep(ctx, time.Second)
}

func (u *upload) small() bool { return u.size >= 0 && u.size <= smallSize }

// checkNow checks the conditions, and returns what is there.
func (u *upload) checkNow(ctx context.Context) (entry, error) {
	e, err := u.s.stat(ctx, u.name)
	missing := is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return e, err
	case !missing && e.Dir:
		return e, &backend.Error{Kind: backend.ErrIsDir}
	case !missing && u.opts.IfAbsent:
		return e, &backend.Error{Kind: fs.ErrExist}
	case u.opts.IfVersion != "" && (missing || e.Version != u.opts.IfVersion):
		return e, &backend.Error{Kind: backend.ErrChanged}
	case missing:
		return entry{}, nil
	}
	return e, nil
}

// send uploads the content with retries, and returns what is stored. Once an
// attempt of unknown outcome has gone before, no failure is definite.
func (u *upload) send(ctx context.Context) (entry, error) {
	for try := 1; ; try++ {
		before := u.sent
		e, err := u.once(ctx)
		var again retryable
		if !errors.As(err, &again) {
			return e, unsure(before, err)
		}
		if u.seek == nil || try == uploadTries || again.wait > maxRetryAfter || ctx.Err() != nil {
			return e, unsure(u.sent, again.error)
		}
		u.s.log.Debug("an upload is retried", "name", u.name, "cause", httpclient.Message(err))
		if err := u.s.client.sleep(ctx, max(again.wait, u.s.client.backoff(try-1))); err != nil {
			return e, unsure(u.sent, err)
		}
	}
}

// unsure returns the error of an upload, before which another one was sent that
// may have been stored, or may yet be.
func unsure(sent bool, err error) error {
	var uncertain uncertainError
	if !sent || err == nil || errors.As(err, &uncertain) {
		return err
	}
	// The error is not wrapped: its kind is not that of the outcome.
	return uncertainError{errors.New("the server did not say whether it stored the file; sent again, it failed: " + httpclient.Message(err))}
}

// once sends the content and determines the outcome.
func (u *upload) once(ctx context.Context) (entry, error) {
	if u.seek != nil {
		if _, err := u.seek.Seek(u.start, io.SeekStart); err != nil {
			return entry{}, httpclient.BodyError{Err: err}
		}
	}
	u.sum = newDigest()
	resp, whole, err := httpclient.Put(ctx, u.s.client.http, u.s.client.address(u.at, false).String(), httpclient.Upload{
		Header: u.header(), Body: u.src, Size: u.size, Sum: u.sum, Check: u.checkLast,
		Rewindable: u.seek != nil, AnswerTimeout: u.answerTimeout(),
	})
	ctx, cancel := outliving(ctx)
	defer cancel()
	var broken httpclient.BrokenError
	switch {
	case errors.Is(err, httpclient.ErrTooEarly): // what was read so far may be what it has
		return entry{}, uncertainError{err}
	case errors.As(err, &broken) && certificate(broken.Err):
		return entry{}, broken.Err
	case errors.As(err, &broken) && !whole:
		return entry{}, retryable{broken.Err, 0}
	case errors.As(err, &broken):
		return u.lost(ctx, err)
	case err != nil:
		return entry{}, err
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(resp.Body) // read already
	err = u.s.client.refused(http.MethodPut, resp, body.Bytes())
	var uncertain uncertainError
	switch {
	case err == nil:
		usual := resp.StatusCode == http.StatusCreated || resp.StatusCode == http.StatusNoContent
		return u.confirm(ctx, normalTag(resp.Header.Get("ETag")), usual)
	case errors.As(err, &uncertain) && !whole:
		return entry{}, retryable{uncertain.error, 0}
	case errors.As(err, &uncertain):
		return u.lost(ctx, uncertain.error)
	case resp.StatusCode == http.StatusPreconditionFailed:
		return u.refusedCondition(ctx, err)
	}
	return entry{}, u.refused(ctx, err)
}

func (u *upload) header() http.Header {
	h := http.Header{"Content-Type": {"application/octet-stream"}}
	if u.absent {
		h.Set("If-None-Match", "*")
	}
	if u.match != "" {
		h.Set("If-Match", u.match)
	}
	if u.s.can.UploadTime && !u.opts.ModTime.IsZero() {
		h.Set("X-OC-Mtime", strconv.FormatInt(u.opts.ModTime.Unix(), 10))
	}
	return h
}

// checkLast checks the conditions before the last bytes are sent, if the server
// does not when it stores them.
func (u *upload) checkLast(ctx context.Context) error {
	if !u.checked {
		return nil
	}
	_, err := u.checkNow(ctx)
	return err
}

// answerTimeout is how long the server may take after the last byte: some hash and
// move what they got.
func (u *upload) answerTimeout() time.Duration {
	return u.s.cfg.AnswerWait + time.Duration(float64(max(0, u.size))/(1<<30)*float64(2*time.Minute))
}

// refused returns the reason for which the server did not take an upload.
func (u *upload) refused(ctx context.Context, err error) error {
	if is(err, backend.ErrUnauthorized) || is(err, backend.ErrQuota) || is(err, backend.ErrTooLarge) {
		return err
	}
	if e, looking := u.s.stat(ctx, u.name); looking == nil && e.Dir {
		return &backend.Error{Kind: backend.ErrIsDir}
	}
	return u.s.why(ctx, u.at, err)
}

// refusedCondition returns what a 412 means: the name has other content than the
// condition says; or that of an earlier attempt; or the entity tag is weak for
// the server, as Apache's is in the first second.
func (u *upload) refusedCondition(ctx context.Context, refused error) (entry, error) {
	e, err := u.s.stat(ctx, u.name)
	missing := is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return e, err
	case !missing && u.sent && u.same(ctx, &e):
		return e, nil
	case u.opts.IfVersion != "" && !missing && e.Version == u.opts.IfVersion && u.match != "":
		u.match, u.checked = "", true
		return e, retryable{refused, 0}
	case u.opts.IfVersion != "":
		return e, &backend.Error{Kind: backend.ErrChanged}
	case u.opts.IfAbsent && !missing && e.Dir:
		return e, &backend.Error{Kind: backend.ErrIsDir}
	case u.opts.IfAbsent:
		return e, &backend.Error{Kind: fs.ErrExist}
	}
	return e, uncertainError{errors.New("the server did not say whether it stored the file, and another one is there now")}
}

// confirm compares what is stored with what was sent: a server's word alone is
// not success. tag is that of its response; a status that is not usual needs more
// than the size as a proof, because a page to log in has 200. Another tag than the
// listed one means that another client has replaced the file only where the server
// is known to list the tags that it answers with.
func (u *upload) confirm(ctx context.Context, tag string, usual bool) (entry, error) {
	for try := 0; ; try++ {
		e, err := u.s.stat(ctx, u.at)
		fits := false
		if err == nil {
			if fits, _ = u.sum.fits(&e); fits && !usual {
				fits = u.same(ctx, &e)
			}
		}
		switch {
		case fits:
			if strongTag(tag) && e.tag == tag {
				u.s.tagsAgree.Store(true)
			}
			return e, nil
		case err != nil && !is(err, fs.ErrNotExist):
			return entry{}, uncertainError{err}
		case err == nil && usual && u.s.tagsAgree.Load() && strongTag(tag) && e.strong() && e.tag != tag && try > 0:
			return u.replaced(tag), nil
		case try == lookTries && err != nil:
			return entry{}, uncertainError{errors.New("the server says that it stored the file, and does not have it")}
		case try == lookTries && e.Size == u.sum.size:
			return entry{}, uncertainError{errors.New("the server says that it stored the file, and has other content than what was sent")}
		case try == lookTries:
			return entry{}, uncertainError{fmt.Errorf("the server says that it stored the file, and lists it with %d bytes; %d were sent", e.Size, u.sum.size)}
		}
		if err := u.s.client.sleep(ctx, u.s.client.backoff(try)); err != nil {
			return entry{}, uncertainError{err}
		}
	}
}

// replaced describes what was stored, where another client has replaced it since.
func (u *upload) replaced(tag string) entry {
	e := entry{tag: tag}
	e.Name, e.Size, e.ModTime = baseName(u.name), u.sum.size, u.s.cfg.Now()
	e.Version = e.version()
	return e
}

// lost determines the outcome of an upload without a response, whose last byte was
// sent. What the name has then, if it is not what was sent, is the condition for
// sending it again: the first upload may still take effect.
func (u *upload) lost(ctx context.Context, cause error) (entry, error) {
	u.sent = true
	unknown := uncertainError{fmt.Errorf("the server did not say whether it stored the file (%s)", httpclient.Message(cause))}
	var now entry
	var err error
	for try := range lookTries {
		if try > 0 && u.s.client.sleep(ctx, u.s.client.backoff(try-1)) != nil {
			return entry{}, unknown
		}
		now, err = u.s.stat(ctx, u.at)
		if err == nil && u.same(ctx, &now) {
			return now, nil
		}
		if why := u.s.why(ctx, u.at, nil); is(err, fs.ErrNotExist) && is(why, fs.ErrNotExist) {
			return entry{}, why
		}
	}
	missing := is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return entry{}, unknown
	case u.at != u.name: // nothing else has this name
		return entry{}, retryable{unknown, 0}
	case !u.s.can.Conditions || !missing && !now.strong(),
		u.opts.IfVersion != "" && (missing || now.Version != u.opts.IfVersion),
		u.opts.IfAbsent && !missing:
		return entry{}, unknown
	}
	u.absent, u.match = missing, now.tag
	if missing {
		u.match = ""
	}
	return entry{}, retryable{unknown, 0}
}

// same reports whether a file has what was sent: by its hash, or else by reading
// it.
func (u *upload) same(ctx context.Context, e *entry) bool {
	fits, proved := u.sum.fits(e)
	if !fits || proved {
		return fits
	}
	body, err := (&content{s: u.s, name: u.at, entry: *e}).Range(ctx, 0, -1)
	if err != nil {
		return false
	}
	defer body.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, body)
	return err == nil && bytes.Equal(sum.Sum(nil), u.sum.sha256.Sum(nil))
}

// timed sets the time that was asked for, if that did not happen with the upload.
// A time that cannot be set is no reason to refuse the content.
func (u *upload) timed(ctx context.Context, e entry) entry {
	if u.opts.ModTime.IsZero() || u.s.can.TimeProperty == "" || sameTime(e.ModTime, u.opts.ModTime) {
		return e
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	now, err := u.s.setTime(ctx, u.name, u.opts.ModTime)
	if err != nil {
		u.s.log.Warn("the modification time of an upload could not be set", "name", u.name, "error", translate(err))
		return e
	}
	return now
}
