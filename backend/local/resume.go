package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/reading"
)

// PutResumable is Put of content whose size and hash are known. If the body cannot
// be read to its end, if ctx ends, or if the process is killed, what was written is
// kept for a week under a hidden name beside the target, and the next PutResumable
// of the same content to the same name seeks the body to the first byte that is
// missing. The hash of the whole is compared before the file is stored; if it
// differs, the error wraps mismatch and nothing is kept.
//
// Nothing is kept either on Windows, where files cannot be locked or private, and
// while the same content is being written to the same name already. Without a hash
// it is Put.
func (b *Backend) PutResumable(ctx context.Context, name string, body io.ReadSeeker, content backend.Info, mismatch error, opts backend.PutOptions) (backend.Info, error) {
	opts.Size = content.Size
	check := reading.NewCheck(content.SHA256, content.MD5)
	put := func() (backend.Info, error) {
		return b.Put(ctx, name, reading.Checked(body, content.Size, check, mismatch), opts)
	}
	if !hasLocks || check == nil || content.Size < 1 {
		return put()
	}
	v, at, err := b.view(ctx, "put", name)
	if err != nil {
		return backend.Info{}, err
	}
	defer v.close()
	target, in, old, err := v.target(at)
	if err != nil {
		return backend.Info{}, err
	}
	defer in.close()
	if err := b.admits(name, old, opts); err != nil {
		return backend.Info{}, err // before the body is read
	}
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%d", path.Base(target), content.SHA256, content.MD5, content.Size)
	temp := ownname.Resumable(".", key)
	f, ok := in.openResumable(temp)
	if !ok {
		return put()
	}
	defer f.Close() // and unlock it, once it has its name
	source := &source{ReadSeeker: body}
	if err := in.resume(ctx, f, source, content.Size, check, mismatch); err != nil {
		// After an error of the disk, what was written may read well and yet be lost.
		interrupted := source.err != nil || errors.Is(err, ctx.Err())
		if !interrupted || errors.Is(err, mismatch) || errors.Is(err, backend.ErrChanged) {
			in.removeOpen(temp, f)
		}
		return backend.Info{}, pathError("put", name, err)
	}
	last, err := in.withdraw(temp, f)
	if err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	defer in.removeOpen(last, f) // it has another name after success
	// It is whole, and no longer resumable.
	var usual fs.FileMode
	if old == nil {
		usual, err = in.usualMode()
	}
	if err == nil {
		err = finish(context.WithoutCancel(ctx), f, usual, old)
	}
	if err == nil {
		err = in.keepTime(last, opts.ModTime)
	}
	if err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	return b.settle(v, name, at, target, last, opts)
}

// withdraw gives a file with a resumable name one that no other process makes. If
// somebody has removed the file, its name may be that of another by now.
func (v *view) withdraw(name string, f *os.File) (last string, err error) {
	removed := backend.PathError("put", name, backend.ErrLocked, "its unfinished file was removed while it was written")
	if !v.has(name, f) {
		return "", removed
	}
	last = ownname.Unfinished(path.Dir(name))
	if err := v.root.Rename(name, last); err != nil {
		return "", err
	}
	if !v.has(last, f) {
		return "", errors.Join(removed, v.root.Rename(last, name))
	}
	return last, nil
}

// openResumable opens and locks the file with a resumable name, or creates it. It
// reports false if that is in use, or if files here cannot be locked or private.
func (v *view) openResumable(name string) (*os.File, bool) {
	for range 2 {
		f, err := v.root.OpenFile(name, os.O_RDWR, 0)
		created := errors.Is(err, fs.ErrNotExist)
		if created { // O_EXCL follows no link
			f, err = v.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		}
		if err != nil {
			return nil, false
		}
		held, err := tryLock(f)
		held = held && v.has(name, f)
		if held && private(f) {
			return f, true
		}
		if held || created && err != nil {
			v.root.Remove(name)
		}
		f.Close()
		if !held {
			break
		}
	}
	return nil, false
}

// resume writes the body to a file from where an earlier call stopped. At least the
// last byte is read again, so that the hash is always compared.
func (v *view) resume(ctx context.Context, f *os.File, body io.ReadSeeker, size int64, check *reading.Check, mismatch error) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	have := min(fi.Size(), size-1)
	if fi.Size() > size {
		if err := f.Truncate(size); err != nil {
			return err
		}
	}
	written := io.NewSectionReader(f, 0, have)
	if _, err := io.Copy(check, reading.Exactly(reading.Until(ctx, written), have)); err != nil {
		return err
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	if _, err := body.Seek(have, io.SeekStart); err != nil {
		return err
	}
	rest := size - have
	if err := v.fill(f, reading.Exactly(reading.Until(ctx, reading.Checked(body, rest, check, mismatch)), rest)); err != nil {
		return err
	}
	// While it is private it can be resumed, and this may take long.
	if err := f.Sync(); err != nil {
		return err
	}
	return ctx.Err()
}

// removeOpen removes a name if it is that of an open file.
func (v *view) removeOpen(name string, f *os.File) {
	if v.has(name, f) {
		v.root.Remove(name)
	}
}

// removeResumable removes the resumable files that are not in use from a folder that
// contains nothing else. It reports whether there is nothing else.
func (v *view) removeResumable(dir string) bool {
	names, err := v.names(dir)
	if err != nil || slices.ContainsFunc(names, func(base string) bool { return !ownname.IsResumable(base) }) {
		return false
	}
	for _, base := range names {
		at := path.Join(dir, base)
		if fi, err := v.root.Lstat(at); err == nil && fi.Mode().IsRegular() {
			v.sweepUnused(at, false)
		}
	}
	return true
}

// source is a body that remembers why it could not be read.
type source struct {
	io.ReadSeeker
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
