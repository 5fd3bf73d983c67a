package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/reading"
)

// uploadTries is how often rewindable content is sent.
const uploadTries = 3

// Put implements backend.Backend. The permission bits of a replaced file are
// kept, but not its owner, its access control list and extended attributes.
func (b *Backend) Put(ctx context.Context, name string, src io.Reader, opts backend.PutOptions) (backend.Info, error) {
	old, err := b.target(ctx, name, opts)
	if err != nil {
		return backend.Info{}, err // before the body is read
	}
	temp, release := b.own(path.Dir(name))
	defer release()
	defer func() {
		if temp != "" {
			b.discard(ctx, temp)
		}
	}()
	fi, err := b.upload(ctx, temp, src, old, opts)
	if err != nil {
		return backend.Info{}, pathError("put", name, b.full(ctx, b.vanished(ctx, name, err)))
	}
	unlock, err := b.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	defer unlock()
	if old, err = b.target(ctx, name, opts); err != nil {
		return backend.Info{}, err
	}
	if old != nil {
		b.versions.see(name, stampOf(old))
	}
	if fi, err = b.distinct(ctx, temp, fi, name, ""); err != nil {
		return backend.Info{}, pathError("put", name, err)
	}
	if err := b.place(ctx, temp, name, old, fi, opts.IfAbsent); err != nil {
		return backend.Info{}, pathError("put", name, b.vanished(ctx, name, err))
	}
	temp = ""
	b.versions.see(name, stampOf(fi))
	return b.info(name, fi), nil
}

// vanished makes an answer that something does not exist, while a file is put,
// one that the store is in trouble, unless it is the folder of the file.
func (b *Backend) vanished(ctx context.Context, name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := path.Dir(name)
	b.unknow(dir)
	if dir == "." {
		_, dirErr := b.lstat(ctx, dir)
		if dirErr != nil {
			return dirErr
		}
	} else if dirErr := b.walk(ctx, dir); dirErr != nil {
		return dirErr
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: "the file that was sent disappeared from the server before it had its name"}
}

// target returns the file that is to be replaced, nil if there is none, after
// checking the conditions of a Put.
func (b *Backend) target(ctx context.Context, name string, opts backend.PutOptions) (fs.FileInfo, error) {
	old, err := b.find(ctx, "put", name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
		if err := b.walk(ctx, path.Dir(name)); errors.Is(err, fs.ErrNotExist) {
			return nil, backend.PathError("put", name, fs.ErrNotExist, "the folder it would be in is missing")
		} else if err != nil {
			return nil, pathError("put", name, err)
		}
	case err != nil:
		return nil, err
	}
	switch {
	case old != nil && old.IsDir():
		return nil, backend.PathError("put", name, backend.ErrIsDir, "")
	case old != nil && opts.IfAbsent:
		return nil, backend.PathError("put", name, fs.ErrExist, "")
	case opts.IfVersion != "" && (old == nil || b.versions.of(name, stampOf(old)) != opts.IfVersion):
		return nil, backend.PathError("put", name, backend.ErrChanged, "")
	}
	return old, nil
}

// upload stores the body under a hidden name, and describes what is there. If
// the connection is lost it begins anew, as far as the body can be rewound.
func (b *Backend) upload(ctx context.Context, temp string, src io.Reader, old fs.FileInfo, opts backend.PutOptions) (fs.FileInfo, error) {
	start, seeker := int64(0), io.Seeker(nil)
	if s, ok := src.(io.Seeker); ok {
		if at, err := s.Seek(0, io.SeekCurrent); err == nil {
			start, seeker = at, s
		}
	}
	for try := 1; ; try++ {
		fi, err := b.send(ctx, temp, src, old, opts)
		if err == nil || !isLost(err) {
			return fi, err
		}
		if seeker == nil || try == uploadTries {
			return nil, lost(err)
		}
		if _, err := seeker.Seek(start, io.SeekStart); err != nil {
			return nil, err
		}
	}
}

// send stores the body on one connection. It returns errors of the body as they
// are; a lost connection is isLost.
func (b *Backend) send(ctx context.Context, temp string, src io.Reader, old fs.FileInfo, opts backend.PutOptions) (fs.FileInfo, error) {
	c, err := b.connected(ctx)
	if err != nil {
		return nil, err
	}
	ended := &body{src: reading.Exactly(reading.Until(ctx, src), opts.Size)}
	// Not run, which returns when ctx ends: the body must not be read any more
	// after that. Closing the connection would end the calls of others too, so
	// that it is up to the body, and to keepalive.
	fi, err := b.write(c, temp, ended, old, opts)
	switch {
	case ended.err != nil:
		return nil, &passed{ended.err}
	case err != nil && isLost(err):
		b.lose(c, err)
	case err == nil && ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return fi, err
}

// write writes the hidden file, brings it to the disk, and measures it.
func (b *Backend) write(c *conn, temp string, src *body, old fs.FileInfo, opts backend.PutOptions) (fs.FileInfo, error) {
	at := b.at(temp)
	f, err := c.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	defer f.Close() // closed already after success
	if old != nil {
		// Before anything is in it, which others must not read.
		if err := f.Chmod(old.Mode().Perm()); err != nil && !isUnsupported(err) {
			return nil, err
		}
	}
	n, err := f.ReadFromWithConcurrency(src, writes(opts.Size))
	if err == nil && src.err == nil && b.extensions.fsync {
		err = f.Sync()
	}
	if err != nil || src.err != nil {
		return nil, err
	}
	if opts.Size >= 0 && n != opts.Size {
		return nil, &passed{&reading.LengthError{Got: n, Announced: opts.Size}}
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if s := opts.ModTime.Unix(); !opts.ModTime.IsZero() && inRange(s) {
		if err := c.Chtimes(at, b.touched(opts.ModTime), opts.ModTime); err != nil && isLost(err) {
			return nil, err // a time that cannot be kept is no reason to refuse the content
		}
	}
	fi, err := c.Lstat(at)
	if err == nil && fi.Size() != n {
		err = &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the server has %d bytes of the %d that it took", fi.Size(), n)}
	}
	return fi, err
}

// writes returns how many packets of a body are under way at a time.
func writes(size int64) int {
	const packet, most = 32 << 10, 64
	if size < 0 {
		return most
	}
	return int(min(size/packet+1, most))
}

// passed is an error of the body or of the caller, which is none of the server.
type passed struct{ error }

func (p *passed) Unwrap() error { return p.error }

// distinct makes sure that no other content had the stamp of a file under the
// name that it is to get: it would have the same version.
func (b *Backend) distinct(ctx context.Context, at string, fi fs.FileInfo, name, version string) (fs.FileInfo, error) {
	s := stampOf(fi)
	for !b.versions.isFree(name, s, version) {
		s.time++
	}
	if s == stampOf(fi) {
		return fi, nil
	}
	later := time.Unix(s.time, 0)
	if !inRange(s.time) {
		return nil, &backend.Error{Kind: fs.ErrInvalid, Message: "its time is the last that the server can keep"}
	}
	fi, err := within(ctx, b, func(c *conn) (fs.FileInfo, error) {
		if err := c.Chtimes(b.at(at), b.touched(later), later); err != nil {
			return nil, err
		}
		return c.Lstat(b.at(at))
	})
	if err == nil && stampOf(fi) != s {
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: "the server keeps no times, so that this content cannot be told from the one before"}
	}
	return fi, err
}

// place renames a finished file to its name. fi describes it.
func (b *Backend) place(ctx context.Context, temp, name string, old, fi fs.FileInfo, ifAbsent bool) error {
	made := func(ctx context.Context) (bool, error) { return b.renamed(ctx, temp, name, fi) }
	switch {
	case ifAbsent && b.extensions.hardlink:
		// Unlike a rename, a link fails on every server if the name is taken.
		linked := func(ctx context.Context) (bool, error) {
			now, err := b.lstat(ctx, name)
			if errors.Is(err, fs.ErrNotExist) {
				return false, nil
			}
			return err == nil && stampOf(now) == stampOf(fi), err
		}
		err := b.change(ctx, func(c *conn) error { return c.Link(b.at(temp), b.at(name)) }, linked)
		if err == nil {
			b.discard(ctx, temp)
			return nil
		}
		if !isStatus(err) && !errors.Is(err, fs.ErrPermission) {
			return err // what has the name now may be what was stored here
		}
		if _, taken := b.lstat(ctx, name); taken == nil {
			return &backend.Error{Kind: fs.ErrExist}
		}
		// Not every file system has links.
		return b.change(ctx, func(c *conn) error { return c.Rename(b.at(temp), b.at(name)) }, made)
	case b.extensions.posixRename && !ifAbsent:
		return b.change(ctx, func(c *conn) error { return c.PosixRename(b.at(temp), b.at(name)) }, made)
	case old == nil:
		return b.change(ctx, func(c *conn) error { return c.Rename(b.at(temp), b.at(name)) }, made)
	}
	return b.replace(ctx, temp, name, made)
}

// replace puts a file in the place of another on a server that cannot do so in
// one step. Until the new file has its name the old one is kept.
func (b *Backend) replace(ctx context.Context, temp, name string, made func(context.Context) (bool, error)) error {
	aside := asideOf(temp)
	old, err := b.lstat(ctx, name)
	if err != nil {
		return err
	}
	err = b.change(ctx, func(c *conn) error { return c.Rename(b.at(name), b.at(aside)) },
		func(ctx context.Context) (bool, error) { return b.renamed(ctx, name, aside, old) })
	if err != nil {
		return err
	}
	err = b.change(ctx, func(c *conn) error { return c.Rename(b.at(temp), b.at(name)) }, made)
	if err == nil {
		b.discard(ctx, aside)
		return nil
	}
	back := b.change(ctx, func(c *conn) error { return c.Rename(b.at(aside), b.at(name)) },
		func(ctx context.Context) (bool, error) { return b.renamed(ctx, aside, name, old) })
	if back != nil {
		return &backend.Error{Kind: backend.ErrUncertain, Message: fmt.Sprintf("%v; the old content is kept as %q on the server", err, path.Base(aside))}
	}
	return err
}

// renamed reports whether a rename of what fi describes was carried out.
func (b *Backend) renamed(ctx context.Context, from, to string, fi fs.FileInfo) (bool, error) {
	if _, err := b.lstat(ctx, from); err == nil {
		return false, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	now, err := b.lstat(ctx, to)
	if err != nil {
		return false, err
	}
	if now.IsDir() != fi.IsDir() || !fi.IsDir() && stampOf(now) != stampOf(fi) {
		return false, errors.New("something else has taken the name")
	}
	return true, nil
}

// full says that a server has no space left, which the protocol has no code for.
func (b *Backend) full(ctx context.Context, err error) error {
	if !isStatus(err) || !b.extensions.statvfs {
		return err
	}
	const little = 1 << 20
	if space, spaceErr := b.Usage(ctx); spaceErr == nil && space.Free() < little {
		return &backend.Error{Kind: backend.ErrQuota}
	}
	return err
}

// isStatus reports whether an error is the server's general answer.
func isStatus(err error) bool {
	var status *sftp.StatusError
	return errors.As(err, &status)
}

// isUnsupported reports whether a server cannot do a thing at all.
func isUnsupported(err error) bool {
	var status *sftp.StatusError
	return errors.As(err, &status) && status.Code == codeUnsupported
}
