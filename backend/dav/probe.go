package dav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/backend"
)

const (
	// trialSize is the size of an upload that is held or broken off in the
	// middle.
	trialSize = 64 << 10
	// trialPause is how long the server gets to handle what it was sent.
	trialPause = 500 * time.Millisecond
	// trialTimeout is how long one request of a trial may take: a server may let
	// one wait for another.
	trialTimeout = 10 * time.Second
	// tagTries is how often two contents are stored within one second.
	tagTries = 4
)

// trialTime is the modification time of a trial file.
var trialTime = time.Date(2001, 9, 9, 1, 46, 40, 0, time.UTC)

// trial finds out what a server can do, with files and folders of its own in the
// root.
type trial struct {
	s      *store
	a, dot string // files
	d, far string // folders, of which far is not made
	stored string // what a has
	can    features
}

// tryOut finds out what the server can do. The error is that of a server that
// cannot be reached, does not let us in, or does not have the root; one that
// refuses to be written to can do nothing.
func (c *client) tryOut(ctx context.Context) (features, error) {
	s := &store{cfg: c.cfg, log: c.cfg.Log, client: c}
	root, err := s.stat(ctx, ".")
	switch {
	case err != nil:
		return features{}, translate(err)
	case !root.Dir:
		return features{}, &backend.Error{Kind: backend.ErrNotDir, Message: "the address is that of a file"}
	}
	random, done := s.tempName(".")
	defer done()
	// The names have a letter that has two forms in Unicode.
	random = random[len(tempPrefix):]
	t := &trial{s: s, a: tempPrefix + "\u00e9-" + random, dot: ".dav-trial-" + random, d: tempPrefix + "d-" + random, far: tempPrefix + "far-" + random}
	defer t.clean(ctx)
	if refused, err := t.first(ctx); refused || err != nil {
		return t.can, err
	}
	for _, step := range []func(context.Context) error{t.conditions, t.whole, t.tags, t.atomic, t.dots, t.folders, t.times, t.names} {
		if err := step(ctx); err != nil {
			return features{}, translate(err)
		}
	}
	t.can.Tried = c.cfg.Now()
	return t.can, nil
}

// clean removes what the trial has made.
func (t *trial) clean(ctx context.Context) {
	ctx, cancel := outliving(ctx)
	defer cancel()
	for _, name := range []string{t.a, t.dot, t.d, t.far} {
		if e, err := t.s.stat(ctx, name); err == nil {
			t.s.discard(ctx, name, e.Dir)
		}
	}
}

// first stores the first file, with a time.
func (t *trial) first(ctx context.Context) (refused bool, err error) {
	status, err := t.put(ctx, "first", http.Header{"X-Oc-Mtime": {fmt.Sprint(trialTime.Unix())}})
	if err != nil {
		return false, translate(err)
	}
	if status/100 != 2 {
		t.can = features{Refused: fmt.Sprintf("the server refuses to be written to: it answered %d to a test file", status)}
		if status == http.StatusInsufficientStorage {
			t.can.Refused = "the server is full: it had no room for a test file"
		}
		return true, nil
	}
	e, err := t.s.stat(ctx, t.a)
	if err != nil {
		return false, translate(err)
	}
	t.can.UploadTime = sameTime(e.ModTime, trialTime)
	return false, nil
}

// put stores a text in the first file, and returns the status.
func (t *trial) put(ctx context.Context, text string, header http.Header) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	resp, err := t.send(ctx, strings.NewReader(text), int64(len(text)), header)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode/100 == 2 {
		t.stored = text
	}
	return resp.StatusCode, nil
}

func (t *trial) send(ctx context.Context, body io.Reader, size int64, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, t.s.client.address(t.a, false).String(), io.NopCloser(body))
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	req.ContentLength = size
	resp, err := t.s.client.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return resp, nil
}

// holds reports whether the first file has what was stored, whole.
func (t *trial) holds(ctx context.Context, text string) bool {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.s.client.address(t.a, false).String(), nil)
	if err != nil {
		return false
	}
	resp, err := t.s.client.http.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 2*trialSize))
	return err == nil && resp.StatusCode == http.StatusOK && string(data) == text
}

// conditions finds out whether PUT checks conditions.
func (t *trial) conditions(ctx context.Context) error {
	absent, err := t.put(ctx, "conditions 1", http.Header{"If-None-Match": {"*"}})
	if err != nil {
		return err
	}
	match, err := t.put(ctx, "conditions 2", http.Header{"If-Match": {`"davdisk-has-no-such-tag"`}})
	if err != nil {
		return err
	}
	t.can.Conditions = absent == http.StatusPreconditionFailed && match == http.StatusPreconditionFailed
	return nil
}

// whole finds out what an upload that breaks off does to the file, and one
// that is under way.
func (t *trial) whole(ctx context.Context) error {
	h := t.begin(ctx, nil)
	t.pause(ctx)
	t.can.WholePut = t.holds(ctx, t.stored)
	select {
	case <-h.over: // refused, or not connected: it tells nothing
		t.can.WholePut = false
	default:
	}
	h.breakOff()
	for range 3 { // the server may need some time to notice
		t.pause(ctx)
		t.can.WholePut = t.can.WholePut && t.holds(ctx, t.stored)
	}
	if err := ctx.Err(); err != nil || t.holds(ctx, t.stored) {
		return err
	}
	_, err := t.put(ctx, "whole", nil) // for the next trials
	return err
}

// atomic lets two uploads overlap that have the same condition: one may win.
func (t *trial) atomic(ctx context.Context) error {
	if !t.can.Conditions || !t.can.WholePut {
		return nil
	}
	if err := t.s.client.sleep(ctx, 2*trialPause); err != nil { // Apache's tags are weak for a second
		return err
	}
	e, err := t.s.stat(ctx, t.a)
	if err != nil || !e.strong() {
		return err
	}
	header := http.Header{"If-Match": {e.tag}}
	h := t.begin(ctx, header)
	defer h.breakOff()
	t.pause(ctx)
	second := make(chan int, 1)
	go func() {
		status, err := t.put(ctx, "second", header)
		if err != nil {
			status = 0
		}
		second <- status
	}()
	var status int
	select { // it may have to wait for the first one
	case status = <-second:
		h.finish()
	case <-t.s.cfg.After(2 * trialPause):
		h.finish()
		status = <-second
	}
	first := <-h.status
	t.can.AtomicConditions = (first/100 == 2) != (status/100 == 2) && first != 0 && status != 0
	return ctx.Err()
}

// tags finds out whether two contents of one size have one entity tag, if both
// are stored within one second. That takes several tries where the second ends
// between them; where it always does, they are not relied upon.
func (t *trial) tags(ctx context.Context) error {
	t.can.CoarseTags = true
	for range tagTries {
		var both [2]entry
		for i := range both {
			if _, err := t.put(ctx, fmt.Sprintf("tags %d", i), nil); err != nil {
				return err
			}
			e, err := t.s.stat(ctx, t.a)
			if err != nil {
				return err
			}
			both[i] = e
		}
		if same := both[0].Version == both[1].Version; same || both[0].ModTime.Equal(both[1].ModTime) {
			t.can.CoarseTags = same
			return nil
		}
	}
	return nil
}

// dots finds out whether names that begin with a dot are listed.
func (t *trial) dots(ctx context.Context) error {
	src, err := t.s.stat(ctx, t.a)
	if err != nil {
		return err
	}
	if err := t.s.transfer(ctx, "COPY", t.a, t.dot, src, false, false); err != nil {
		return ctx.Err()
	}
	_, children, _, err := t.s.list(ctx, ".")
	if err != nil {
		return err
	}
	t.can.HidesDots = !slices.ContainsFunc(children, func(info backend.Info) bool { return info.Name == t.dot })
	return nil
}

// folders finds out whether folders are made that should not be.
func (t *trial) folders(ctx context.Context) error {
	makes := request{method: "MKCOL", url: t.s.client.address(t.d, true)}
	if _, err := t.s.client.do(ctx, makes); err != nil {
		return ctx.Err()
	}
	_, err := t.s.client.do(ctx, makes)
	t.can.MakesTwice = err == nil
	src, err := t.s.stat(ctx, t.a)
	if err != nil {
		return err
	}
	if err := t.s.transfer(ctx, "COPY", t.a, t.d+"/c", src, false, false); err == nil {
		t.can.MakesParents = t.s.transfer(ctx, "MOVE", t.d+"/c", t.far+"/c", src, false, false) == nil
	}
	return ctx.Err()
}

// times finds out which property sets the time of a file.
func (t *trial) times(ctx context.Context) error {
	for _, p := range timeProperties {
		when := trialTime.Add(time.Hour)
		if err := t.s.client.proppatch(ctx, t.a, p.name, when); err != nil {
			var status *statusError
			if !errors.As(err, &status) && !is(err, errors.ErrUnsupported) {
				return err
			}
			continue
		}
		e, err := t.s.stat(ctx, t.a)
		if err != nil {
			return err
		}
		if sameTime(e.ModTime, when) {
			t.can.TimeProperty = p.name
			break
		}
	}
	return nil
}

// names finds out which names are one for the server.
func (t *trial) names(ctx context.Context) error {
	for other, same := range map[string]*bool{
		strings.ToUpper(t.a): &t.can.IgnoreCase,
		norm.NFD.String(t.a): &t.can.IgnoreForm,
	} {
		_, err := t.s.stat(ctx, other)
		if err != nil && !is(err, fs.ErrNotExist) {
			return err
		}
		*same = err == nil
	}
	return nil
}

func (t *trial) pause(ctx context.Context) { _ = t.s.client.sleep(ctx, trialPause) }

// held is an upload of which the first half was sent.
type held struct {
	cancel context.CancelFunc
	rest   chan struct{} // closed: send it
	once   sync.Once
	status chan int // 0: no response
	over   chan struct{}
}

// begin begins an upload to the first file, and returns when its first half was
// read to be sent.
func (t *trial) begin(ctx context.Context, header http.Header) *held {
	ctx, cancel := context.WithTimeout(ctx, 6*trialTimeout)
	h := &held{cancel: cancel, rest: make(chan struct{}), status: make(chan int, 1), over: make(chan struct{})}
	half := bytes.Repeat([]byte("x"), trialSize/2)
	sent := make(chan struct{})
	body := io.MultiReader(bytes.NewReader(half), readerFunc(func([]byte) (int, error) {
		select {
		case <-sent:
		default:
			close(sent)
		}
		select {
		case <-h.rest:
			return 0, io.EOF
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}), bytes.NewReader(half))
	go func() {
		defer close(h.over)
		defer cancel()
		resp, err := t.send(ctx, body, trialSize, header)
		if err != nil {
			h.status <- 0
			return
		}
		h.status <- resp.StatusCode
	}()
	select {
	case <-sent:
	case status := <-h.status: // refused before
		h.status <- status
	case <-ctx.Done():
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
