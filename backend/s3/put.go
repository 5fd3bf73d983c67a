package s3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/reading"
)

const (
	// uploadTries is how often content is sent.
	uploadTries = 4
	// lookTries is how often an object is looked at that has not yet what was
	// sent.
	lookTries = 3
)

// Put implements backend.Backend. Content is read a part at a time before it is
// sent, with its hashes, which the server compares before it stores anything.
// Put succeeds once the server lists the object with the size, and the entity
// tag where that is a hash, of what was sent. An upload of unknown outcome is
// looked at; it is repeated only under a condition that fails if it took effect
// meanwhile, and else is backend.ErrUncertain.
func (s *store) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := s.checkNew(ctx, "put", name); err != nil {
		return backend.Info{}, err
	}
	if name == "." {
		return backend.Info{}, backend.PathError("put", name, backend.ErrIsDir, "")
	}
	unlock, err := s.lock(ctx, true, pathlock.One(name))
	if err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	defer unlock()
	e, err := s.put(ctx, name, body, opts)
	return e.Info, pathError("put", name, err)
}

// put is Put by a caller that has locked the name.
func (s *store) put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (entry, error) {
	_, _, size, err := reading.Measure(body, opts.Size)
	if err != nil {
		return entry{}, httpclient.BodyError{Err: err}
	}
	if err := s.needParent(ctx, name); err != nil {
		return entry{}, err
	}
	u := &upload{s: s, name: name, key: s.key(name), opts: opts, sum: sha256.New(),
		src: bufio.NewReader(reading.Exactly(reading.Until(ctx, body), size)), left: size, part: partSize(s.cfg.PartSize, size)}
	if err := u.checkEarly(ctx); err != nil {
		return entry{}, err
	}
	data, last, err := u.read()
	switch {
	case err != nil:
		return entry{}, httpclient.BodyError{Err: err}
	case last:
		return u.whole(ctx, data)
	}
	return u.inParts(ctx, data)
}

// partSize is the size of the parts of a file: as configured, unless it would be
// too many.
func partSize(configured, size int64) int64 {
	const unit = 1 << 20
	if size <= configured*maxParts {
		return configured
	}
	least := (size + maxParts - 1) / maxParts
	return (least + unit - 1) / unit * unit
}

// upload is one Put.
type upload struct {
	s    *store
	name string
	key  string
	opts backend.PutOptions
	src  *bufio.Reader
	left int64 // of src, negative if unknown
	part int64 // size of a part
	size int64 // of what was read
	sum  hash.Hash

	parts  bool      // the file is sent in parts
	tag    string    // what the entity tag is, where it is a hash
	on     condition // to send
	sent   bool      // an upload of unknown outcome has gone before
	issues func(context.Context, condition) (tag string, err error)
}

// read reads the next part, and reports whether it is the last.
func (u *upload) read() (data []byte, last bool, err error) {
	var b bytes.Buffer
	if u.left >= 0 {
		b.Grow(int(min(u.part, u.left)) + bytes.MinRead)
	}
	n, err := io.CopyN(&b, u.src, u.part)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	u.left -= n
	u.size += n
	u.sum.Write(b.Bytes())
	_, err = u.src.Peek(1)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	return b.Bytes(), err == io.EOF, nil
}

// checkEarly checks the conditions before the body is read, where that spares
// sending it, or where the entity tag of a version has to be known.
func (u *upload) checkEarly(ctx context.Context) error {
	large := u.left < 0 || u.left > u.part
	if u.opts.IfVersion == "" && (!u.opts.IfAbsent || !large) {
		return nil
	}
	e, err := u.checkNow(ctx)
	u.on.match = e.tag
	return err
}

// checkNow checks the conditions, and returns the file of the version that is to
// be replaced.
func (u *upload) checkNow(ctx context.Context) (entry, error) {
	if u.opts.IfVersion == "" && !u.opts.IfAbsent {
		return entry{}, nil
	}
	e, there, err := u.s.look(ctx, u.key)
	switch {
	case err != nil:
		return entry{}, err
	case there && u.opts.IfAbsent:
		return entry{}, &backend.Error{Kind: fs.ErrExist}
	case u.opts.IfVersion != "" && (!there || e.Version != u.opts.IfVersion):
		return entry{}, &backend.Error{Kind: backend.ErrChanged}
	}
	return e, nil
}

// conditional reports whether the server checks the conditions of this upload.
func (u *upload) conditional() bool {
	if u.parts && !u.s.can.PartsConditions {
		return false
	}
	return u.s.can.IfAbsent && u.s.can.IfMatch
}

// whole sends all of the file at once.
func (u *upload) whole(ctx context.Context, data []byte) (entry, error) {
	p := newPart(data)
	u.tag = hex.EncodeToString(p.md5[:])
	return u.store(ctx, func(ctx context.Context, on condition) (string, error) {
		return u.s.client.put(ctx, u.key, p, headers(u.name, u.opts.ModTime), on)
	})
}

// inParts sends the file in parts. Nothing of it is seen before it is completed.
func (u *upload) inParts(ctx context.Context, data []byte) (entry, error) {
	u.parts = true
	m, err := u.s.begin(ctx, u.key, headers(u.name, u.opts.ModTime))
	if err != nil {
		return entry{}, err
	}
	defer m.abort(ctx)
	for last := false; ; {
		if err := m.send(ctx, newPart(data)); err != nil || last {
			if err != nil {
				return entry{}, err
			}
			break
		}
		if len(m.sent) == maxParts {
			return entry{}, &backend.Error{Kind: backend.ErrTooLarge, Message: fmt.Sprintf("a file whose size is not known ahead may have %d bytes", u.part*maxParts)}
		}
		if data, last, err = u.read(); err != nil {
			return entry{}, httpclient.BodyError{Err: err}
		}
	}
	u.tag = m.wantTag()
	return u.store(ctx, m.complete)
}

// store issues the request that stores the file, with retries, and returns what is
// stored. Once an attempt of unknown outcome has gone before, no failure is
// definite.
func (u *upload) store(ctx context.Context, issue func(context.Context, condition) (string, error)) (entry, error) {
	u.issues = issue
	u.on.absent = u.opts.IfAbsent
	if !u.conditional() {
		u.on = condition{}
	}
	for try := 1; ; try++ {
		before := u.sent
		e, err := u.once(ctx)
		var again retryable
		if !errors.As(err, &again) {
			return e, unsure(before, err)
		}
		if try == uploadTries || again.wait > maxRetryAfter || ctx.Err() != nil {
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

// once issues the request and determines the outcome.
func (u *upload) once(ctx context.Context) (entry, error) {
	if !u.conditional() || u.opts.IfVersion != "" && u.on.match == "" {
		if _, err := u.checkNow(ctx); err != nil {
			return entry{}, err
		}
	}
	tag, err := u.issues(ctx, u.on)
	ctx, cancel := outliving(ctx)
	defer cancel()
	var lost uncertainError
	switch {
	case err == nil:
		return u.confirm(ctx, tag)
	case errors.As(err, &lost):
		return u.lost(ctx, lost)
	case refusedCondition(err), u.on.match != "" && hasCode(err, "NoSuchKey"):
		return u.refused(ctx, err)
	}
	return entry{}, err
}

// refused returns what a refused condition means: the name has other content than
// the condition says, or that of an earlier attempt.
func (u *upload) refused(ctx context.Context, err error) (entry, error) {
	if u.sent {
		if e, err := u.s.head(ctx, u.key); err == nil && u.same(ctx, &e) {
			return e, nil
		}
		return entry{}, uncertainError{errors.New("the server did not say whether it stored the file, and another one is there now")}
	}
	if u.opts.IfAbsent {
		return entry{}, &backend.Error{Kind: fs.ErrExist}
	}
	return entry{}, &backend.Error{Kind: backend.ErrChanged}
}

// confirm compares what is stored with what was sent: a server's word alone is
// not success. tag is that of its answer.
func (u *upload) confirm(ctx context.Context, tag string) (entry, error) {
	for try := 0; ; try++ {
		e, err := u.s.head(ctx, u.key)
		switch {
		case err == nil && tag != "" && e.tag == tag && u.fits(&e): // it has compared the hashes that were sent
			return e, nil
		case err == nil && e.tag != tag && u.same(ctx, &e):
			return e, nil
		case err == nil && tag == u.tag && e.tag != tag && u.s.can.MD5Tags:
			return u.replaced(), nil
		case err != nil && !is(err, fs.ErrNotExist):
			return entry{}, uncertainError{err}
		case try < lookTries:
		case err != nil:
			return entry{}, uncertainError{errors.New("the server says that it stored the file, and does not have it")}
		case e.Size != u.size:
			return entry{}, uncertainError{fmt.Errorf("the server says that it stored the file, and tells of %d bytes; %d were sent", e.Size, u.size)}
		default:
			return entry{}, uncertainError{errors.New("the server says that it stored the file, and has other content than what was sent")}
		}
		if err := u.s.client.sleep(ctx, u.s.client.backoff(try)); err != nil {
			return entry{}, uncertainError{err}
		}
	}
}

// replaced describes what was stored, where another client has replaced it since.
func (u *upload) replaced() entry {
	return newEntry(minio.ObjectInfo{Key: u.key, ETag: u.tag, Size: u.size, LastModified: u.s.cfg.Now()})
}

// lost determines the outcome of an upload without an answer. What the name has
// then, if it is not what was sent, is the condition for sending it again: the
// first upload may still take effect.
func (u *upload) lost(ctx context.Context, cause error) (entry, error) {
	u.sent = true
	unknown := uncertainError{fmt.Errorf("the server did not say whether it stored the file (%s)", httpclient.Message(cause))}
	var now entry
	var err error
	for try := range lookTries {
		if try > 0 && u.s.client.sleep(ctx, u.s.client.backoff(try-1)) != nil {
			return entry{}, unknown
		}
		now, err = u.s.head(ctx, u.key)
		if err == nil && u.same(ctx, &now) {
			return now, nil
		}
	}
	missing := is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing,
		!u.conditional() || !missing && now.tag == "",
		u.opts.IfVersion != "" && (missing || now.Version != u.opts.IfVersion),
		u.opts.IfAbsent && !missing:
		return entry{}, unknown
	}
	u.on = condition{absent: missing, match: now.tag}
	return entry{}, retryable{unknown, 0}
}

// fits reports whether nothing that the server says of an object contradicts what
// was sent.
func (u *upload) fits(e *entry) bool {
	hashed := e.plain && !u.parts && u.s.can.MD5Tags
	return e.Size == u.size && (!hashed || e.tag == u.tag)
}

// same reports whether an object has what was sent: by its entity tag, or else by
// reading it.
func (u *upload) same(ctx context.Context, e *entry) bool {
	if !u.fits(e) || e.tag == u.tag && u.s.can.MD5Tags {
		return u.fits(e)
	}
	sum, err := u.s.digest(ctx, *e)
	return err == nil && bytes.Equal(sum, u.sum.Sum(nil))
}

// digest reads an object, and returns its SHA-256.
func (s *store) digest(ctx context.Context, e entry) ([]byte, error) {
	body, err := (&content{s: s, name: e.key[len(s.prefix):], entry: e}).Range(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, body)
	return sum.Sum(nil), err
}

// condition is the condition of a change.
type condition struct {
	absent bool   // nothing is there
	match  string // what is there has this entity tag; empty: none
}

func (c condition) set(opts *minio.PutObjectOptions) {
	switch {
	case c.absent:
		opts.SetMatchETagExcept("*")
	case c.match != "":
		opts.SetMatchETag(c.match)
	}
}

// part is content that is sent by one request, with the hashes that the server
// compares.
type part struct {
	data []byte
	md5  [md5.Size]byte
	sha  string
}

func newPart(data []byte) part {
	sum := sha256.Sum256(data)
	return part{data, md5.Sum(data), hex.EncodeToString(sum[:])}
}

func (p part) size() int64       { return int64(len(p.data)) }
func (p part) md5Header() string { return base64.StdEncoding.EncodeToString(p.md5[:]) }

// put stores an object by one request, and returns the entity tag of the answer.
func (c *client) put(ctx context.Context, key string, p part, opts minio.PutObjectOptions, on condition) (tag string, err error) {
	on.set(&opts)
	opts.DisableContentSha256 = true // the hash of all is sent instead of one of each chunk
	err = c.change(ctx, p.size(), func(ctx context.Context) error {
		info, err := c.core.PutObject(ctx, c.cfg.Bucket, key, bytes.NewReader(p.data), p.size(), p.md5Header(), p.sha, opts)
		tag = info.ETag
		return err
	})
	return tag, err
}
