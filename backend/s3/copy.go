package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

const (
	// maxCopy is the largest object that S3 copies by one request.
	maxCopy = 5 << 30
	// copyPart is the size of the parts in which a larger one is copied.
	copyPart = 512 << 20
)

// Copy implements backend.Copier. The server copies each object; the copies of a
// folder are removed again if one of them fails.
func (s *store) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if err := s.checkTwo(ctx, "copy", from, to); err != nil {
		return err
	}
	if from == to {
		return backend.LinkError("copy", from, to, fs.ErrInvalid, "onto itself")
	}
	unlock, err := s.lock(ctx, false, pathlock.Tree(from), pathlock.Tree(to))
	if err != nil {
		return linkError("copy", from, to, err)
	}
	defer unlock()
	src, dst, err := s.ends(ctx, from, to, opts.Overwrite)
	switch {
	case err != nil:
	case src.Dir:
		err = s.copyFolder(ctx, from, to)
	default:
		_, err = s.copyKey(ctx, src, s.key(to), dst)
	}
	return linkError("copy", from, to, err)
}

// copyFolder copies a folder.
func (s *store) copyFolder(ctx context.Context, from, to string) error {
	if err := s.moves.set(from, intent{Kind: copied, To: to, Dir: true, Begun: s.cfg.Now()}); err != nil {
		return fmt.Errorf("the copy cannot be noted: %w", err)
	}
	c := s.newCopies(from, to)
	_, err := c.round(ctx)
	if err != nil {
		err = c.takeBack(ctx, err)
	}
	return s.ended(from, err)
}

// checkTwo refuses bad names, and the root.
func (s *store) checkTwo(ctx context.Context, op, from, to string) error {
	if err := check(ctx, op, from); err != nil {
		return err
	}
	if err := s.checkNew(ctx, op, to); err != nil {
		return err
	}
	if from == "." || to == "." {
		return backend.LinkError(op, from, to, fs.ErrInvalid, "the root itself")
	}
	return nil
}

// ends describes both ends of a Move or Copy, and refuses what the contract does.
// The target has no key if nothing is there, or if it is the source.
func (s *store) ends(ctx context.Context, from, to string, overwrite bool) (src, dst entry, err error) {
	src, err = s.stat(ctx, from)
	if err != nil || from == to {
		return src, entry{}, err
	}
	if src.Dir && backend.Within(to, from) {
		return src, dst, &backend.Error{Kind: fs.ErrInvalid, Message: "a folder cannot be put below itself"}
	}
	dst, err = s.stat(ctx, to)
	switch {
	case is(err, fs.ErrNotExist):
		return src, entry{}, s.needParent(ctx, to)
	case err != nil:
		return src, dst, err
	case !overwrite || src.Dir || dst.Dir:
		return src, dst, &backend.Error{Kind: fs.ErrExist}
	}
	return src, dst, nil
}

// copies are those of the objects of a folder.
type copies struct {
	s        *store
	from, to string             // prefixes
	made     map[string]copying // by key of the source
}

// copying is one copy.
type copying struct{ src, dst entry }

func (s *store) newCopies(from, to string) *copies {
	return &copies{s: s, from: s.dirKey(from), to: s.dirKey(to), made: map[string]copying{}}
}

// round copies what is in the folder and was not copied yet as it is now, and
// returns the number of objects that it copied.
func (c *copies) round(ctx context.Context) (int, error) {
	objects, err := c.s.below(ctx, c.from)
	if err != nil {
		return 0, err
	}
	var todo []entry
	for _, e := range objects {
		if err := checkKey(e.key); err != nil {
			return 0, err
		}
		if key := c.to + e.key[len(c.from):]; len(key) > maxKey {
			return 0, &backend.Error{Kind: fs.ErrInvalid, Message: fmt.Sprintf("the key %q would be longer than %d bytes", key, maxKey)}
		}
		if made, done := c.made[e.key]; !done || made.src.Version != e.Version {
			todo = append(todo, e)
		}
	}
	results := make([]copying, len(todo))
	numbers := make([]int, len(todo))
	for i := range numbers {
		numbers[i] = i
	}
	err = each(ctx, numbers, func(ctx context.Context, i int) error {
		src := todo[i]
		dst, err := c.s.copyKey(ctx, src, c.to+src.key[len(c.from):], c.made[src.key].dst)
		if err == nil {
			results[i] = copying{src, dst}
		}
		if is(err, fs.ErrNotExist) { // the folder is there
			err = &backend.Error{Kind: backend.ErrChanged, Message: "another client has removed a file of it meanwhile"}
		}
		return err
	})
	for _, r := range results {
		if r.dst.key != "" {
			c.made[r.src.key] = r
		}
	}
	return len(todo), err
}

// takeBack removes the copies because of an error, which it returns.
func (c *copies) takeBack(ctx context.Context, cause error) error {
	ctx, cancel := outliving(ctx)
	defer cancel()
	var made []entry
	for _, copied := range c.made {
		made = append(made, copied.dst)
	}
	if _, err := c.s.deleteAll(ctx, made); err != nil {
		c.s.log.Warn("copies of a folder are left, because it could not be copied whole", "at", c.to, "error", translate(err))
		return uncertainError{fmt.Errorf("a part of it was copied, and stays (%w)", cause)}
	}
	if is(cause, backend.ErrUncertain) { // of the copy that may yet appear
		return cause
	}
	return definite(cause)
}

// copyKey lets the server copy an object in place of another, or of nothing if
// old has no key, and returns the copy. What another client has stored there since
// is not replaced, as far as a look just before can tell. A copy of unknown outcome is looked at,
// and repeated if the target is what it was.
func (s *store) copyKey(ctx context.Context, src entry, to string, old entry) (entry, error) {
	copies := s.copyOnce
	if isMarker(src.key) && src.Size == 0 {
		copies = s.copyMarker
	} else if src.Size > maxCopy || s.ownParts(src) {
		copies = s.copyInParts
	}
	now, there, err := s.look(ctx, to)
	switch {
	case err != nil:
		return entry{}, err
	case !there:
		old = entry{}
	case old.key == "":
		return entry{}, &backend.Error{Kind: fs.ErrExist}
	case now.Version != old.Version:
		return entry{}, &backend.Error{Kind: backend.ErrChanged, Message: "another client has replaced the target meanwhile"}
	}
	sent := false
	for try := 1; ; try++ {
		tag, err := copies(ctx, src, to, old)
		looking, cancel := outliving(ctx)
		defer cancel()
		var again retryable
		lost := errors.As(err, new(uncertainError))
		sent = sent || lost
		switch {
		case err == nil:
			return s.confirmCopy(looking, src, to, tag)
		case refusedCondition(err):
			return entry{}, unsure(sent, &backend.Error{Kind: backend.ErrChanged, Message: "the source was replaced while it was copied"})
		case !lost && !errors.As(err, &again), try == uploadTries, again.wait > maxRetryAfter, ctx.Err() != nil:
			return entry{}, unsure(sent, err)
		}
		if err := s.client.sleep(ctx, max(again.wait, s.client.backoff(try-1))); err != nil {
			return entry{}, unsure(sent, err)
		}
		if !sent {
			continue
		}
		now, there, looked := s.look(looking, to)
		if there {
			if same, err := s.alike(looking, src, now); err == nil && same && now.Version != old.Version {
				return now, nil
			}
		}
		if looked != nil || now.Version != old.Version {
			return entry{}, uncertainError{err}
		}
	}
}

// confirmCopy describes a copy once the server tells of it as of its source.
func (s *store) confirmCopy(ctx context.Context, src entry, to, tag string) (entry, error) {
	for try := 0; ; try++ {
		e, err := s.head(ctx, to)
		hash := md5Of(src.tag)
		switch {
		case err == nil && e.Size == src.Size && e.tag == tag && (e.MD5 == "" || hash == "" || src.MD5 == "" || e.MD5 == src.MD5):
			return e, nil
		case err != nil && !is(err, fs.ErrNotExist), try == lookTries:
			if err == nil {
				err = errors.New("the copy is not like its source")
			}
			return entry{}, uncertainError{err}
		}
		if err := s.client.sleep(ctx, s.client.backoff(try)); err != nil {
			return entry{}, uncertainError{err}
		}
	}
}

// copyOnce copies by one request, if the source is still the one that is known.
func (s *store) copyOnce(ctx context.Context, src entry, to string, _ entry) (tag string, err error) {
	metadata := map[string]string{}
	if src.tag != "" {
		metadata["x-amz-copy-source-if-match"] = `"` + src.tag + `"`
	}
	err = inClass(src.class, func(class string) error {
		delete(metadata, "x-amz-storage-class")
		if class != "" {
			metadata["x-amz-storage-class"] = class
		}
		return s.client.change(ctx, src.Size, func(ctx context.Context) error {
			info, err := s.client.core.CopyObject(ctx, s.cfg.Bucket, src.key, s.cfg.Bucket, to, metadata, minio.CopySrcOptions{}, minio.PutObjectOptions{})
			tag = strings.Trim(info.ETag, `"`)
			return err
		})
	})
	if err == nil && tag == "" {
		err = uncertainError{errNotS3}
	}
	return tag, err
}

// copyMarker stores the marker of a folder anew: not every server copies one.
func (s *store) copyMarker(ctx context.Context, _ entry, to string, _ entry) (tag string, err error) {
	return s.client.put(ctx, to, newPart(nil), markerHeaders(), condition{})
}

// ownParts reports whether an object was sent in parts, as this driver makes
// them: copied in the same parts it keeps its entity tag, which is its version.
func (s *store) ownParts(src entry) bool {
	n := int64(partsOf(src.tag))
	size := partSize(s.cfg.PartSize, src.Size)
	return n > 1 && n <= 1000 && n == (src.Size+size-1)/size
}

// copyInParts copies in parts.
func (s *store) copyInParts(ctx context.Context, src entry, to string, old entry) (tag string, err error) {
	full, there, err := s.look(ctx, src.key)
	if err == nil && !there {
		err = &backend.Error{Kind: fs.ErrNotExist}
	}
	if err != nil {
		return "", err
	}
	opts, err := s.storedWith(ctx, full)
	if err != nil {
		return "", err
	}
	var m *parts
	err = inClass(full.class, func(class string) (err error) {
		opts.StorageClass = class
		m, err = s.begin(ctx, to, opts)
		return err
	})
	if err != nil {
		return "", err
	}
	defer m.abort(ctx)
	size := int64(copyPart)
	if s.ownParts(src) {
		size = partSize(s.cfg.PartSize, src.Size)
	}
	metadata := map[string]string{}
	if src.tag != "" {
		metadata["x-amz-copy-source-if-match"] = `"` + src.tag + `"`
	}
	for at := int64(0); at < src.Size; at += size {
		length := min(size, src.Size-at)
		var sent minio.CompletePart
		err := definite(s.client.repeat(ctx, func(ctx context.Context) (err error) {
			sent, err = s.client.core.CopyObjectPart(ctx, s.cfg.Bucket, src.key, s.cfg.Bucket, to, m.id, len(m.sent)+1, at, length, metadata)
			return err
		}))
		if err == nil && sent.ETag == "" {
			err = errNotS3
		}
		if err != nil {
			return "", err
		}
		m.sent = append(m.sent, sent)
	}
	if !s.can.PartsConditions {
		return m.complete(ctx, condition{})
	}
	tag, err = m.complete(ctx, condition{absent: old.key == "", match: old.tag})
	if refusedCondition(err) { // of the target; what is wrong with the source is told before
		err = &backend.Error{Kind: backend.ErrChanged, Message: "another client has stored something at the target meanwhile"}
		if old.key == "" {
			err = &backend.Error{Kind: fs.ErrExist}
		}
	}
	return tag, err
}
