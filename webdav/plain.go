package webdav

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"sync"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/reading"
)

// plain writes to an afero.Fs without abilities: everything is completed under
// a temporary name beside the target and renamed over it, so that no failure
// leaves a partial file. A folder that is replaced is moved aside first, and
// back if the rename fails.
type plain struct {
	// commit makes checking a condition and acting on it atomic among the requests
	// of this handler.
	commit sync.Mutex
}

// temporary returns an unused name in the folder of name.
func temporary(name string) string {
	return ownname.Sibling(name, rand.Text())
}

// changed returns the error for a failed ifMatch.
func changed(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: &statusError{status: http.StatusPreconditionFailed, reason: "the file has changed"}}
}

// needFolder checks that the parent of name is a folder.
func needFolder(afs afero.Fs, op, name string) error {
	parent, err := afs.Stat(path.Dir(name))
	if err != nil {
		return err
	}
	if !parent.IsDir() {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return nil
}

// check checks the target of a write. current is nil if it does not exist.
func check(ctx context.Context, afs afero.Fs, op, name, ifMatch string, ifAbsent bool) (current fs.FileInfo, err error) {
	if current, err = afs.Stat(name); err == nil {
		current = withContext(ctx, current)
		if err := entityTagError(current); err != nil && ifMatch != "" {
			return nil, err
		}
	}
	switch {
	case err == nil && ifAbsent:
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrExist}
	case err == nil && ifMatch != "" && storeTag(current) != ifMatch:
		return nil, changed(op, name)
	case err == nil:
		return current, nil
	case !isMissing(err):
		return nil, err
	case ifMatch != "":
		return nil, changed(op, name)
	}
	return nil, nil
}

func (p *plain) put(ctx context.Context, afs afero.Fs, name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	if err := needFolder(afs, "put", name); err != nil {
		return nil, err
	}
	temp := temporary(name)
	if err := store(afs, temp, body, size); err != nil {
		_ = afs.Remove(temp)
		return nil, err
	}
	if err := p.replaceFile(ctx, afs, temp, name, mtime, ifMatch, ifAbsent); err != nil {
		_ = afs.Remove(temp)
		return nil, err
	}
	return afs.Stat(name)
}

// store writes body to a new file and syncs it.
func store(afs afero.Fs, name string, body io.Reader, size int64) error {
	f, err := afs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, reading.Exactly(body, size))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// replaceFile renames temp to name if the conditions hold.
func (p *plain) replaceFile(ctx context.Context, afs afero.Fs, temp, name string, mtime time.Time, ifMatch string, ifAbsent bool) error {
	p.commit.Lock()
	defer p.commit.Unlock()
	current, err := check(ctx, afs, "put", name, ifMatch, ifAbsent)
	if err != nil {
		return err
	}
	if current != nil && current.IsDir() {
		return &fs.PathError{Op: "put", Path: name, Err: refuse(http.StatusMethodNotAllowed, "is a folder")}
	}
	if !mtime.IsZero() {
		// If times cannot be set, the content is stored all the same.
		if err := afs.Chtimes(temp, mtime, mtime); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	if current != nil {
		if err := keepProperties(afs, name, temp); err != nil {
			return err
		}
		if err := keepApart(ctx, afs, temp, current); err != nil {
			return err
		}
	}
	return afs.Rename(temp, name)
}

// keepApart moves the time of the new content by a millisecond if its entity
// tag would equal the old one: times are coarse, and two quick writes of one
// size may get the same.
func keepApart(ctx context.Context, afs afero.Fs, temp string, current fs.FileInfo) error {
	info, err := afs.Stat(temp)
	if err != nil || entityTag(withContext(ctx, info)) != entityTag(current) {
		return err
	}
	t := info.ModTime().Add(time.Millisecond)
	err = afs.Chtimes(temp, t, t)
	if errors.Is(err, errors.ErrUnsupported) {
		return restamp(ctx, afs, temp, current)
	}
	return err
}

// restamp is keepApart for file systems that cannot set times: the first byte
// is overwritten with itself until the time has moved. Some file systems have
// no times, so it gives up after a while.
func restamp(ctx context.Context, afs afero.Fs, temp string, current fs.FileInfo) error {
	for range 100 {
		if err := rewriteFirst(afs, temp); err != nil {
			return err
		}
		info, err := afs.Stat(temp)
		if err != nil || entityTag(withContext(ctx, info)) != entityTag(current) {
			return err
		}
	}
	return nil
}

func rewriteFirst(afs afero.Fs, name string) error {
	f, err := afs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	first := make([]byte, 1)
	if _, err = io.ReadFull(f, first); err == nil {
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			_, err = f.Write(first)
		}
	}
	if err == io.EOF {
		err = nil // two empty files may have the same tag
	}
	return errors.Join(err, f.Close())
}

// keepProperties copies dead properties from one name to another, if the file
// system keeps them.
func keepProperties(afs afero.Fs, from, to string) error {
	p, ok := afs.(Propertier)
	if !ok {
		return nil
	}
	props, err := p.Properties(from)
	if err == nil && len(props) > 0 {
		err = p.SetProperties(to, props, nil)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func (p *plain) move(ctx context.Context, afs afero.Fs, from, to string, overwrite bool) error {
	if _, err := afs.Stat(from); err != nil {
		return err
	}
	if err := needFolder(afs, "move", to); err != nil {
		return err
	}
	p.commit.Lock()
	defer p.commit.Unlock()
	return replace(ctx, afs, from, to, overwrite)
}

// replace renames from to to. The rename itself replaces a file by a file;
// if a folder is involved the target is moved aside before and removed after.
func replace(ctx context.Context, afs afero.Fs, from, to string, overwrite bool) error {
	target, err := check(ctx, afs, "move", to, "", !overwrite)
	if err != nil {
		return err
	}
	source, err := afs.Stat(from)
	if err != nil {
		return err
	}
	if target == nil || (!target.IsDir() && !source.IsDir()) {
		return afs.Rename(from, to)
	}
	aside := temporary(to)
	if err := afs.Rename(to, aside); err != nil {
		return err
	}
	if err := afs.Rename(from, to); err != nil {
		if back := afs.Rename(aside, to); back != nil {
			return fmt.Errorf("%w; what was at %s is now at %s: %w", err, to, aside, back)
		}
		return err
	}
	return afs.RemoveAll(aside)
}

func (p *plain) copy(ctx context.Context, afs afero.Fs, from, to string, overwrite bool, depth int) error {
	if err := needFolder(afs, "copy", to); err != nil {
		return err
	}
	if _, err := check(ctx, afs, "copy", to, "", !overwrite); err != nil {
		return err
	}
	temp := temporary(to)
	err := copyTree(ctx, afs, from, temp, depth)
	if err == nil {
		p.commit.Lock()
		err = replace(ctx, afs, temp, to, overwrite)
		p.commit.Unlock()
	}
	if err != nil {
		return errors.Join(err, afs.RemoveAll(temp))
	}
	return nil
}

// copyTree copies a file, or a folder down to depth, to an unused name.
func copyTree(ctx context.Context, afs afero.Fs, from, to string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	source, err := afs.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = afs.Mkdir(to, 0o777)
	} else {
		err = store(afs, to, reading.Until(ctx, source), info.Size())
	}
	if err != nil {
		return err
	}
	if err := keepProperties(afs, from, to); err != nil || depth == 0 || !info.IsDir() {
		return err
	}
	children, err := source.Readdir(-1)
	if err != nil {
		return err
	}
	for _, child := range children {
		if ownname.Is(child.Name()) {
			continue
		}
		if err := copyTree(ctx, afs, path.Join(from, child.Name()), path.Join(to, child.Name()), depth); err != nil {
			return err
		}
	}
	return nil
}

// delete removes a file, or a tree by RemoveAll: a failure may leave a part
// of the tree.
func (p *plain) delete(ctx context.Context, afs afero.Fs, name, ifMatch string) error {
	p.commit.Lock()
	defer p.commit.Unlock()
	current, err := check(ctx, afs, "delete", name, ifMatch, false)
	if err != nil {
		return err
	}
	if current == nil {
		return &fs.PathError{Op: "delete", Path: name, Err: fs.ErrNotExist}
	}
	if current.IsDir() {
		return afs.RemoveAll(name)
	}
	return afs.Remove(name)
}
