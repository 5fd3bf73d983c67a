package combine

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// removeTime is how long the source of a move may take to be removed once it
// has begun: from then on a canceled context does not stop it.
const removeTime = 10 * time.Minute

// Move implements backend.Backend. From one store to another it copies, compares
// every copy with what was read, and then removes the source, each file only in
// the version that was copied. If it fails before the first is removed, the
// copies are removed again; if it is killed they stay. The source is whole in
// either case.
func (b *Backend) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	source, target, err := b.pair(ctx, "move", from, to)
	if err != nil {
		return err
	}
	if source.folder == target.folder {
		return source.outer(source.store.Move(source.in(ctx), source.name, target.name, opts))
	}
	t := &transfer{b: b, op: "move", from: from, to: to}
	if err := t.copy(ctx, opts.Overwrite); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(t.fail(err), t.undo(ctx))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	return t.removeSource(ctx)
}

// Copy implements backend.Copier.
func (b *Backend) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	source, target, err := b.pair(ctx, "copy", from, to)
	if err != nil {
		return err
	}
	if source.folder == target.folder {
		err := backend.Copy(source.in(ctx), source.store, source.name, target.name, opts)
		if !errors.Is(err, errors.ErrUnsupported) {
			return source.outer(err)
		}
		if backend.Within(to, from) {
			return backend.LinkError("copy", from, to, fs.ErrInvalid, "a folder cannot be put below itself")
		}
	}
	return (&transfer{b: b, op: "copy", from: from, to: to}).copy(ctx, opts.Overwrite)
}

// pair returns the places of the two names of a Move or Copy.
func (b *Backend) pair(ctx context.Context, op, from, to string) (source, target place, err error) {
	for _, name := range []string{from, to} {
		if err := backend.CheckName(op, name); err != nil {
			return source, target, err
		}
	}
	if source, err = b.below(ctx, op, from); err != nil {
		if errors.Is(err, fs.ErrPermission) && source.store == nil {
			err = backend.LinkError(op, from, to, fs.ErrNotExist, "")
		}
		return source, target, err
	}
	target, err = b.below(ctx, op, to)
	return source, target, err
}

// transfer copies a file or a folder from one store to another.
type transfer struct {
	b        *Backend
	op       string
	from, to string
	copied   []copied // parents before their content
}

// copied is a file or a folder that is in both stores.
type copied struct {
	from, to string
	dir      bool
	version  string // of the source, for a file
	stored   string // version of the target, for a file
	replaced bool   // the target was there before
}

func (t *transfer) fail(err error) error {
	if err == nil || errors.As(err, new(*backend.Error)) {
		return err
	}
	return &fs.PathError{Op: t.op, Path: t.from, Err: err}
}

func (t *transfer) refuse(kind error, message string) error {
	return backend.LinkError(t.op, t.from, t.to, kind, message)
}

// copy copies all of it, or leaves nothing of what it has made.
func (t *transfer) copy(ctx context.Context, overwrite bool) error {
	info, err := t.b.Stat(ctx, t.from)
	if err != nil {
		return err
	}
	old, err := t.b.Stat(ctx, t.to)
	switch {
	case err == nil && (!overwrite || old.Dir || info.Dir):
		return t.refuse(fs.ErrExist, "")
	case err == nil:
		if err := t.checkOther(ctx, info, old); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if !info.Dir {
		err = t.copyFile(ctx, t.from, t.to, err == nil)
	} else {
		var folders []listed
		if folders, err = t.list(ctx, ".", nil); err == nil {
			err = t.copyFolders(ctx, folders)
		}
	}
	if err != nil {
		return errors.Join(t.fail(err), t.undo(ctx))
	}
	return nil
}

// listed is a folder of the source as it was listed, its name relative to the
// source.
type listed struct {
	name    string
	entries map[string]bool // whether each is a folder
}

// list adds a folder and those below it, parents first. All of them are listed
// before anything is made: nothing is made for a folder that cannot be read, and
// what the copy itself makes is never copied.
func (t *transfer) list(ctx context.Context, name string, folders []listed) ([]listed, error) {
	from := path.Join(t.from, name)
	if t.op == "move" {
		// Removing what was copied would empty the folder that the link leads to.
		link, err := t.b.IsLink(ctx, from)
		if err != nil {
			return nil, err
		}
		if link {
			return nil, backend.PathError(t.op, from, errors.ErrUnsupported, "a link to a folder, and what lies there would be removed with it; copy it, or remove the link first")
		}
	}
	_, children, err := t.b.List(ctx, from)
	if err != nil {
		return nil, err
	}
	entries := map[string]bool{}
	for info, err := range children {
		if err == nil {
			err = info.Err
		}
		if err != nil {
			return nil, err
		}
		entries[info.Name] = info.Dir
	}
	omitted, err := t.b.Omitted(ctx, from)
	if err != nil {
		return nil, err
	}
	if len(omitted) > 0 {
		return nil, errors.Join(omitted...) // a part of a folder is no copy of it
	}
	folders = append(folders, listed{name, entries})
	for _, entry := range slices.Sorted(maps.Keys(entries)) {
		if entries[entry] {
			if folders, err = t.list(ctx, path.Join(name, entry), folders); err != nil {
				return nil, err
			}
		}
	}
	return folders, nil
}

func (t *transfer) copyFolders(ctx context.Context, folders []listed) error {
	for _, folder := range folders {
		from, to := path.Join(t.from, folder.name), path.Join(t.to, folder.name)
		if err := t.b.Mkdir(ctx, to); err != nil {
			return err
		}
		t.copied = append(t.copied, copied{from: from, to: to, dir: true})
		if folder.name == "." {
			if err := t.checkBelow(ctx, folders); err != nil {
				return err
			}
		}
		for _, entry := range slices.Sorted(maps.Keys(folder.entries)) {
			if folder.entries[entry] {
				continue
			}
			if err := t.copyFile(ctx, path.Join(from, entry), path.Join(to, entry), false); err != nil {
				return err
			}
		}
		if err := t.copyProperties(ctx, from, to); err != nil {
			return err
		}
	}
	return nil
}

func (t *transfer) copyFile(ctx context.Context, from, to string, replaces bool) error {
	content, err := t.b.Open(ctx, from, "")
	if err != nil {
		return err
	}
	defer content.Close()
	info := content.Info()
	body, err := content.Range(ctx, 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	read := newSums()
	stored, err := t.b.Put(ctx, to, io.TeeReader(body, read), backend.PutOptions{Size: info.Size, IfAbsent: !replaces, ModTime: info.ModTime})
	if err != nil {
		return err
	}
	t.copied = append(t.copied, copied{from: from, to: to, version: info.Version, stored: stored.Version, replaced: replaces})
	if err := t.verify(ctx, to, stored, read); err != nil {
		return err
	}
	return t.copyProperties(ctx, from, to)
}

// verify compares what was stored with what was read, by the hash that the
// target tells, or by reading it again.
func (t *transfer) verify(ctx context.Context, to string, stored backend.Info, read sums) error {
	same := stored.SHA256 == read.strong()
	if stored.SHA256 == "" {
		same = stored.MD5 == read.weak()
	}
	if stored.SHA256 == "" && stored.MD5 == "" {
		content, err := t.b.Open(ctx, to, stored.Version)
		if err != nil {
			return err
		}
		defer content.Close()
		body, err := content.Range(ctx, 0, -1)
		if err != nil {
			return err
		}
		defer body.Close()
		again := newSums()
		if _, err := io.Copy(again, body); err != nil {
			return err
		}
		same = again.strong() == read.strong()
	}
	if !same {
		return t.refuse(backend.ErrUnavailable, "the copy of "+to+" has other bytes than were sent")
	}
	return nil
}

// copyProperties takes the properties along, where both stores keep some.
func (t *transfer) copyProperties(ctx context.Context, from, to string) error {
	props, err := t.b.Properties(ctx, from)
	if err == nil && len(props) > 0 {
		err = t.b.SetProperties(ctx, to, props, nil)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// undo removes the copies, each only as it was stored. What replaced a file
// stays, because the old content is gone.
func (t *transfer) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	var errs []error
	for _, c := range slices.Backward(t.copied) {
		if c.replaced {
			continue
		}
		err := t.b.Remove(ctx, c.to, backend.RemoveOptions{Permanent: true, IfEmpty: c.dir, IfVersion: c.stored})
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removeSource removes what was copied, and nothing that came or changed
// meanwhile: that stays, and is an error. The copies are removed again only
// while it is certain that all of the source is still there.
func (t *transfer) removeSource(ctx context.Context) error {
	whole := true
	for _, c := range slices.Backward(t.copied) {
		err := t.b.Remove(ctx, c.from, backend.RemoveOptions{IfEmpty: c.dir, IfVersion: c.version})
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist): // by somebody else, or by a request whose answer was lost
			whole = false
		case whole && refused(err):
			return errors.Join(err, t.undo(ctx))
		case errors.Is(err, backend.ErrNotEmpty):
			return t.refuse(backend.ErrChanged, "the copy is whole; what came into "+c.from+" meanwhile is still there")
		default:
			return err
		}
	}
	return nil
}

// refused reports whether an error of Remove means that nothing was removed, nor
// will be.
func refused(err error) bool {
	return slices.ContainsFunc([]error{backend.ErrChanged, backend.ErrNotEmpty, backend.ErrLocked, fs.ErrPermission},
		func(kind error) bool { return errors.Is(err, kind) })
}

// sums are the hashes of what is written to them.
type sums struct {
	io.Writer
	strong, weak func() string
}

func newSums() sums {
	strong, weak := sha256.New(), md5.New()
	return sums{
		io.MultiWriter(strong, weak),
		func() string { return hex.EncodeToString(strong.Sum(nil)) },
		func() string { return hex.EncodeToString(weak.Sum(nil)) },
	}
}
