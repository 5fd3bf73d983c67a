package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// parts is an upload in parts. Until it is completed it is not seen, and costs
// room; so it is in a journal, and aborted by the next process if this one is
// killed.
type parts struct {
	s    *store
	key  string
	id   string
	sent []minio.CompletePart
	sums []byte // the MD5 of each part, one after the other
	over bool   // completed
}

// begin begins an upload in parts, which the caller must abort; once it is
// completed that does nothing.
func (s *store) begin(ctx context.Context, key string, opts minio.PutObjectOptions) (*parts, error) {
	m := &parts{s: s, key: key}
	err := definite(s.client.repeat(ctx, func(ctx context.Context) (err error) {
		m.id, err = s.client.core.NewMultipartUpload(ctx, s.cfg.Bucket, key, opts)
		return err
	}))
	if err == nil && m.id == "" {
		err = errNotS3
	}
	if err != nil {
		return nil, err
	}
	if err := s.uploads.set(m.id, key); err != nil {
		m.abort(ctx)
		return nil, fmt.Errorf("the upload cannot be noted: %w", err)
	}
	return m, nil
}

// definite returns an error without the doubt whether something was changed, for
// what is not seen in the store.
func definite(err error) error {
	var uncertain uncertainError
	if errors.As(err, &uncertain) {
		return uncertain.error
	}
	return err
}

// send sends the next part, again after any fault that passes: a part that is
// sent twice is stored once.
func (m *parts) send(ctx context.Context, p part) error {
	number := len(m.sent) + 1
	for try := 1; ; try++ {
		var stored minio.ObjectPart
		err := m.s.client.change(ctx, p.size(), func(ctx context.Context) (err error) {
			stored, err = m.s.client.core.PutObjectPart(ctx, m.s.cfg.Bucket, m.key, m.id, number, bytes.NewReader(p.data), p.size(),
				minio.PutObjectPartOptions{Md5Base64: p.md5Header(), Sha256Hex: p.sha, DisableContentSha256: true})
			return err
		})
		var again retryable
		wrong := err == nil && m.s.can.MD5Tags && md5Of(stored.ETag) != hex.EncodeToString(p.md5[:])
		switch {
		case wrong:
			err = errors.New("the server has other bytes than what it was sent")
		case err == nil:
			m.sent = append(m.sent, minio.CompletePart{PartNumber: number, ETag: stored.ETag})
			m.sums = append(m.sums, p.md5[:]...)
			return nil
		case errors.As(err, &again):
			err = again.error
		case !errors.As(err, new(uncertainError)):
			return err
		}
		if try == uploadTries || again.wait > maxRetryAfter {
			return definite(err)
		}
		m.s.log.Debug("a part of an upload is sent again", "number", number, "cause", httpclient.Message(err))
		if err := m.s.client.sleep(ctx, max(again.wait, m.s.client.backoff(try-1))); err != nil {
			return err
		}
	}
}

// wantTag is the entity tag of the file, as Amazon makes it.
func (m *parts) wantTag() string {
	sum := md5.Sum(m.sums)
	return fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:]), len(m.sent))
}

// complete stores the file, and returns the entity tag of the answer.
func (m *parts) complete(ctx context.Context, on condition) (tag string, err error) {
	var opts minio.PutObjectOptions
	on.set(&opts)
	err = m.s.client.change(ctx, 0, func(ctx context.Context) error {
		info, err := m.s.client.core.CompleteMultipartUpload(ctx, m.s.cfg.Bucket, m.key, m.id, m.sent, opts)
		tag = info.ETag
		return err
	})
	if hasCode(err, "NoSuchUpload") { // an attempt before this one has completed it
		return "", uncertainError{err}
	}
	if m.over = err == nil; m.over {
		m.forget()
	}
	return tag, err
}

// abort removes what was sent, unless the upload was completed. What cannot be
// removed now is left to the next process.
func (m *parts) abort(ctx context.Context) {
	if m.over {
		return
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	if err := m.s.abort(ctx, m.key, m.id); err != nil {
		m.s.log.Warn("the parts of an upload that was given up are left", "key", httpclient.OneLine(m.key), "error", translate(err))
		return
	}
	m.forget()
}

// forget removes the upload from the journal. One that comes back after a crash
// is found to be over.
func (m *parts) forget() {
	if err := m.s.uploads.forget(m.id); err != nil {
		m.s.log.Warn("an upload that is over stays noted", "error", err)
	}
}

// abort aborts an upload in parts. One that is not there is no error.
func (s *store) abort(ctx context.Context, key, id string) error {
	err := s.client.repeat(ctx, func(ctx context.Context) error {
		return s.client.core.AbortMultipartUpload(ctx, s.cfg.Bucket, key, id)
	})
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusNotFound && !refused.foreign && (refused.code == "NoSuchUpload" || refused.code == "NoSuchKey") {
		return nil
	}
	if is(err, backend.ErrUncertain) { // once more, to be sure
		return s.client.repeat(ctx, func(ctx context.Context) error {
			return s.client.core.AbortMultipartUpload(ctx, s.cfg.Bucket, key, id)
		})
	}
	return err
}
