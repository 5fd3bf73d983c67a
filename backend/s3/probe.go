package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

const (
	// The key of a trial's object has these around as many random digits.
	trialPrefix, trialDigits, trialSuffix = "~davdisk-", 16, ".tmp"
	// trialLife is the age from which on its trial was killed.
	trialLife = 24 * time.Hour
	// trialSize is the size of an upload that is held or broken off in the
	// middle.
	trialSize = 64 << 10
	// trialPause is how long the server gets to handle what it was sent.
	trialPause = 300 * time.Millisecond
	// trialTimeout is how long an upload of a trial may take: a server may let one
	// wait for another.
	trialTimeout = time.Minute
)

// trial finds out what a server can do, with one object of its own in the root.
type trial struct {
	*store
	at     string // key of the object
	stored string // what it has
	tag    string // its entity tag
	unsure bool   // a fault that passes came in between
}

// tryOut finds out what the server can do. One that refuses to be written to can
// do nothing.
func (s *store) tryOut(ctx context.Context) (features, error) {
	t := &trial{store: s, at: fmt.Sprintf("%s%s%0*x%s", s.prefix, trialPrefix, trialDigits, rand.Uint64(), trialSuffix)}
	var f features
	err := t.put(ctx, "first", condition{})
	if is(err, fs.ErrPermission) || is(err, backend.ErrQuota) || is(err, backend.ErrUnauthorized) {
		return features{Refused: "the server refuses to be written to: " + translate(err).Error()}, nil
	}
	defer t.clean(ctx)
	if err != nil {
		return features{}, err
	}
	e, err := s.client.head(ctx, t.at)
	if err != nil {
		return features{}, err
	}
	sum := md5.Sum([]byte("first"))
	f.MD5Tags = e.plain && md5Of(e.tag) == hex.EncodeToString(sum[:])
	for _, step := range []func(context.Context, *features) error{t.conditions, t.parts, t.names, t.whole, t.atomic} {
		if err := step(ctx, &f); err != nil {
			return features{}, err
		}
	}
	f.Unsure, f.Tried = t.unsure, s.cfg.Now()
	s.sweepTrials(ctx)
	return f, nil
}

// isTrial reports whether a base name is that of a trial's object. It is refused
// to callers, and not listed: what is the root of one may be a folder of another.
func isTrial(base string) bool {
	rest, begins := strings.CutPrefix(strings.TrimSuffix(base, notXML), trialPrefix)
	digits, ends := strings.CutSuffix(rest, trialSuffix)
	return begins && ends && len(digits) == trialDigits && strings.Trim(digits, "0123456789abcdef") == ""
}

// leftByTrial reports whether an object is one of a trial, by its base name and
// its size.
func leftByTrial(base string, size int64) bool { return size <= trialSize && isTrial(base) }

// sweepTrials removes the objects of trials that were killed.
func (s *store) sweepTrials(ctx context.Context) {
	for object, err := range s.client.list(ctx, s.prefix+trialPrefix, false, 0) {
		if err != nil {
			s.log.Debug("objects of trials that were killed are not looked for", "error", translate(err))
			return
		}
		age := s.cfg.Now().Sub(object.LastModified)
		if !leftByTrial(strings.TrimPrefix(object.Key, s.prefix), object.Size) || object.LastModified.IsZero() || age < trialLife {
			continue
		}
		if err := s.deleteKey(ctx, entry{key: object.Key}); err != nil {
			s.log.Debug("an object of a trial that was killed cannot be removed", "key", httpclient.OneLine(object.Key), "error", translate(err))
		}
	}
}

// clean removes the object.
func (t *trial) clean(ctx context.Context) {
	ctx, cancel := outliving(ctx)
	defer cancel()
	if err := t.deleteKey(ctx, entry{key: t.at}); err != nil {
		t.log.Warn("an object of a trial is left", "key", t.at, "error", translate(err))
	}
}

// put stores a text.
func (t *trial) put(ctx context.Context, text string, on condition) error {
	tag, err := t.client.put(ctx, t.at, newPart([]byte(text)), minio.PutObjectOptions{}, on)
	if err == nil {
		t.stored, t.tag = text, tag
	}
	return err
}

// refuses reports whether the server refuses to store under a condition that is
// not met. A server that does not know the condition refuses it by another
// status, or stores. One that is in trouble again and again says nothing.
func (t *trial) refuses(ctx context.Context, put func(condition) error, on condition) (bool, error) {
	for try := 1; ; try++ {
		err := put(on)
		switch {
		case err == nil, refusedCondition(err):
			return err != nil, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case !errors.As(err, new(*refusal)):
			return false, err
		case !passes(err):
			return false, nil
		}
		t.unsure = true
		if try == uploadTries {
			return false, t.put(ctx, "after a fault", condition{}) // it may have stored
		}
		if err := t.client.sleep(ctx, t.client.backoff(try-1)); err != nil {
			return false, err
		}
	}
}

// passes reports whether an error says nothing of what the server can do.
func passes(err error) bool {
	var refused *refusal
	return err != nil && (!errors.As(err, &refused) || refused.again() || refused.unknown())
}

// noTag is an entity tag that no object has.
const noTag = "00000000000000000000000000000000"

// conditions finds out whether a PUT checks conditions, and takes one that is
// met.
func (t *trial) conditions(ctx context.Context, f *features) (err error) {
	put := func(on condition) error { return t.put(ctx, "conditions", on) }
	if f.IfAbsent, err = t.refuses(ctx, put, condition{absent: true}); err != nil {
		return err
	}
	if f.IfMatch, err = t.refuses(ctx, put, condition{match: noTag}); err != nil || !f.IfMatch {
		return err
	}
	if f.IfMatch = t.tag != ""; !f.IfMatch { // there is nothing to match
		return nil
	}
	met, err := t.refuses(ctx, put, condition{match: t.tag})
	f.IfMatch = f.IfMatch && !met && err == nil && t.stored == "conditions"
	return err
}

// parts finds out whether conditions are checked when an upload in parts is
// completed.
func (t *trial) parts(ctx context.Context, f *features) (err error) {
	complete := func(on condition) error {
		m, err := t.begin(ctx, t.at, minio.PutObjectOptions{})
		if err != nil {
			return err
		}
		defer m.abort(ctx)
		if err := m.send(ctx, newPart([]byte("parts"))); err != nil {
			return err
		}
		tag, err := m.complete(ctx, on)
		if err == nil {
			t.stored, t.tag = "parts", tag
		}
		return err
	}
	absent, err := t.refuses(ctx, complete, condition{absent: true})
	if err != nil {
		return err
	}
	match, err := t.refuses(ctx, complete, condition{match: noTag})
	f.PartsConditions = absent && match
	return err
}

// notXML are the characters that XML 1.0 cannot hold. A listing has them only from
// a server that knows the option encoding-type.
const notXML = "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\uFFFE\uFFFF"

// names finds out whether all keys are listed as they are.
func (t *trial) names(ctx context.Context, f *features) error {
	odd := &trial{store: t.store, at: t.at + notXML}
	err := odd.put(ctx, "", condition{})
	if passes(err) {
		t.unsure = true
	} else if err != nil {
		f.XMLNames = true
		return nil
	}
	defer odd.clean(ctx)
	if err != nil {
		return nil
	}
	listed, as := false, false
	for object, err := range t.client.list(ctx, odd.at[:len(t.at)], true, 0) {
		if err != nil {
			f.XMLNames = errors.As(err, new(*xml.SyntaxError)) // it lists the name as it is
			t.unsure = t.unsure || !f.XMLNames
			return ctx.Err()
		}
		listed = listed || object.Key != t.at
		as = as || object.Key == odd.at
	}
	f.XMLNames = listed && !as
	t.unsure = t.unsure || !listed // the server lists late
	return nil
}

// whole finds out what an upload that breaks off does to the object, and one that
// is under way.
func (t *trial) whole(ctx context.Context, f *features) error {
	h := t.hold(ctx, condition{})
	t.pause(ctx)
	f.WholePut = t.has(ctx, t.stored)
	select {
	case <-h.over: // refused, or not connected: it tells nothing
		f.WholePut = false
		t.unsure = t.unsure || passes(h.err)
	default:
	}
	h.breakOff()
	for range 3 { // the server may need some time to notice
		t.pause(ctx)
		f.WholePut = f.WholePut && t.has(ctx, t.stored)
	}
	if err := ctx.Err(); err != nil || t.has(ctx, t.stored) {
		return err
	}
	return t.put(ctx, "whole", condition{}) // for the next trials
}

// atomic lets two uploads overlap that have the same condition: one may win.
func (t *trial) atomic(ctx context.Context, f *features) error {
	if !f.IfMatch || !f.WholePut {
		return nil
	}
	e, err := t.client.head(ctx, t.at)
	if err != nil || e.tag == "" {
		return err
	}
	on := condition{match: e.tag}
	h := t.hold(ctx, on)
	defer h.breakOff()
	t.pause(ctx)
	second := t.hold(ctx, on)
	defer second.breakOff()
	second.finish()
	select { // it may have to wait for the first one
	case <-second.over:
	case <-t.cfg.After(3 * trialPause):
	}
	h.finish()
	<-second.over
	<-h.over
	one := (h.err == nil) != (second.err == nil)
	f.AtomicConditions = one && (h.err == nil || refusedCondition(h.err)) && (second.err == nil || refusedCondition(second.err))
	t.unsure = t.unsure || !f.AtomicConditions && (passes(h.err) || passes(second.err))
	return ctx.Err()
}

// has reports whether the object has a text, whole.
func (t *trial) has(ctx context.Context, text string) bool {
	e, err := t.client.head(ctx, t.at)
	if err != nil || e.Size != int64(len(text)) {
		t.unsure = t.unsure || passes(err)
		return false
	}
	body, err := (&content{s: t.store, name: t.at[len(t.prefix):], entry: e}).Range(ctx, 0, -1)
	if err != nil {
		t.unsure = t.unsure || is(err, backend.ErrUnavailable)
		return false
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	t.unsure = t.unsure || is(err, backend.ErrUnavailable)
	return err == nil && string(data) == text
}

func (t *trial) pause(ctx context.Context) { _ = t.client.sleep(ctx, trialPause) }

// held is an upload of which the first half was sent.
type held struct {
	cancel context.CancelFunc
	rest   chan struct{} // closed: send it
	once   sync.Once
	over   chan struct{}
	err    error // once it is over
}

// hold begins an upload, and returns when its first half was read to be sent.
func (t *trial) hold(ctx context.Context, on condition) *held {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	h := &held{cancel: cancel, rest: make(chan struct{}), over: make(chan struct{})}
	whole := newPart(bytes.Repeat([]byte("x"), trialSize)) // with its hashes, as every upload is sent
	sent := make(chan struct{})
	var once sync.Once
	body := io.MultiReader(bytes.NewReader(whole.data[:trialSize/2]), readerFunc(func([]byte) (int, error) {
		once.Do(func() { close(sent) })
		select {
		case <-h.rest:
			return 0, io.EOF
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}), bytes.NewReader(whole.data[trialSize/2:]))
	go func() {
		defer close(h.over)
		defer cancel()
		opts := minio.PutObjectOptions{DisableContentSha256: true}
		on.set(&opts)
		var a answer
		_, err := t.client.core.PutObject(with(ctx, &a), t.cfg.Bucket, t.at, body, trialSize, whole.md5Header(), whole.sha, opts)
		h.err = t.client.failure(&a, err)
	}()
	select {
	case <-sent:
	case <-h.over: // refused before
	}
	return h
}

// finish sends the second half.
func (h *held) finish() { h.once.Do(func() { close(h.rest) }) }

// breakOff ends the upload where it is.
func (h *held) breakOff() {
	h.cancel()
	<-h.over
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
