package yandex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// answer is what the uploader says: a status, seldom more.
type answer struct {
	status     int
	date       time.Time
	retryAfter time.Duration
}

// put sends a payload. It tells whether the last byte went out.
func (u *upload) put(ctx context.Context, body *payload, header http.Header) (resp answer, whole bool, err error) {
	if _, err := body.outcome(); err != nil {
		return answer{}, false, err
	}
	if err := ctx.Err(); err != nil {
		return answer{}, false, err
	}
	at, err := u.b.api.follow(string(u.target.Href))
	if err != nil {
		return answer{}, false, err
	}
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	body.guard = newStall(u.patience(body.left), cancel)
	body.answer = u.patience(0)
	defer body.guard.stop()
	defer body.follow(cancel)()
	req, err := http.NewRequestWithContext(sending, http.MethodPut, at.String(), io.NopCloser(body))
	if err != nil {
		return answer{}, false, err
	}
	if req.ContentLength = body.left; body.left == 0 {
		req.Body = http.NoBody
	}
	for key, values := range header {
		req.Header[key] = values
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	got, err := u.b.bare.Do(req)
	body.letGo(u.seek != nil)
	whole, wrong := body.outcome()
	switch {
	case wrong != nil:
		return answer{}, false, wrong
	case err != nil && ctx.Err() != nil && !whole:
		return answer{}, false, ctx.Err()
	case err != nil && body.guard.fired.Load():
		err = errStalled
	}
	if err != nil && !whole {
		err = brokenUpload{err}
	}
	if err != nil {
		return answer{}, whole, err
	}
	defer got.Body.Close()
	io.Copy(io.Discard, io.LimitReader(got.Body, 64<<10))
	if !whole && got.StatusCode < 300 {
		return answer{}, false, lost{errors.New("the upload server says that it stored what was not sent yet")}
	}
	resp = answer{status: got.StatusCode, date: u.b.cfg.Now(), retryAfter: retryAfter(got.Header, u.b.cfg.Now())}
	if date, err := http.ParseTime(got.Header.Get("Date")); err == nil {
		resp.date = date
	}
	return resp, whole, nil
}

// patience is how long the uploader may stand still with bytes to come, or,
// after the last of them, think: it hashes and moves what it got.
func (u *upload) patience(left int64) time.Duration {
	if left != 0 {
		return stallTime
	}
	return u.b.cfg.UploadWait + time.Duration(float64(max(0, u.size))/(1<<30)*float64(2*time.Minute))
}

// refused translates a status of the uploader that is no success. It gives no
// codes.
func (u *upload) refused(resp answer) error {
	no := &refusal{status: resp.status, retryAfter: resp.retryAfter,
		words: fmt.Sprintf("the upload server answered %d %s", resp.status, http.StatusText(resp.status))}
	switch {
	case resp.status == http.StatusConflict && u.opts.IfAbsent:
		return &backend.Error{Kind: fs.ErrExist, Message: no.words}
	case resp.status == http.StatusRequestEntityTooLarge, resp.status == http.StatusInsufficientStorage,
		resp.status == http.StatusLocked:
		return no
	}
	return brokenUpload{no} // the link is spent, or the server in trouble: another link may do
}

// had asks how much of the content the uploader has of an upload that broke
// off. Nobody documents that it can be asked: zero means to begin anew, with
// another link. It is not worth while for small content.
func (u *upload) had(ctx context.Context) int64 {
	if u.size <= trustedSize || u.b.cfg.Now().After(u.issued.Add(linkWindow)) {
		return 0
	}
	if _, err := u.seek.Seek(u.start, io.SeekStart); err != nil {
		return 0
	}
	sum := newDigest()
	if _, err := io.Copy(sum, io.LimitReader(readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return u.src.Read(p)
	}), u.size)); err != nil || sum.size != u.size {
		return 0
	}
	md5, sha := sum.sums()
	n, ok := u.b.received(ctx, unsettled{Href: string(u.target.Href), Size: u.size, MD5: md5, SHA256: sha})
	if !ok || n >= u.size {
		return 0
	}
	u.sum = sum
	return n
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
