package webdav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/internal/ownname"
)

// files is the file system bound to one request.
type files struct {
	ctx    context.Context
	fs     afero.Fs
	judge  *judge
	plain  *plain
	litter *litterStore // nil unless litter is kept aside
	aside  bool         // litter of this client is kept aside
}

// bind binds the file system to a request, so that upstream work ends with it.
func (h *Handler) bind(req *http.Request) (files, error) {
	f := files{ctx: req.Context(), judge: h.judge, plain: &h.plain, litter: h.litter}
	f.aside = f.litter != nil && isFileManager(req.UserAgent())
	a, ok := h.fs.(*fromAfero)
	if !ok {
		f.fs = &foreignFs{f.ctx, h.fs}
		return f, nil
	}
	f.fs = a.bind(f.ctx)
	return f, f.judge.fs(f.fs)
}

// at returns the file system that keeps a name.
func (f files) at(name string) afero.Fs {
	if f.aside && isLitter(name) {
		return f.litter
	}
	return f.fs
}

func (f files) open(name string) (afero.File, error) { return f.at(name).Open(name) }

func (f files) stat(name string) (fs.FileInfo, error) { return f.seen(f.at(name).Stat(name)) }

// seen checks an info of the file system for abilities, and gets its entity tag
// where that can fail.
func (f files) seen(info fs.FileInfo, err error) (fs.FileInfo, error) {
	if err != nil {
		return info, err
	}
	info, err = f.listed(info)
	return info, errors.Join(err, entityTagError(info))
}

// listed is seen for a member of a listing, whose tag is only computed on
// demand.
func (f files) listed(info fs.FileInfo) (fs.FileInfo, error) {
	return withContext(f.ctx, info), f.judge.info(info)
}

func (f files) setTime(name string, t time.Time) error { return f.at(name).Chtimes(name, t, t) }

func (f files) put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	to := f.at(name)
	if p, ok := to.(Putter); ok {
		info, err := p.Put(name, body, size, mtime, ifMatch, ifAbsent)
		return f.stored(info, err)
	}
	return f.stored(f.plain.put(f.ctx, to, name, body, size, mtime, ifMatch, ifAbsent))
}

// stored is seen for a file that has just been stored: a bad info must not
// turn success into an error.
func (f files) stored(info fs.FileInfo, err error) (fs.FileInfo, error) {
	if err != nil {
		return info, err
	}
	info, _ = f.listed(info)
	return info, nil
}

// errAcross refuses to move or copy between the share and the litter store.
var errAcross = refuse(http.StatusForbidden, "a file that file managers keep for themselves stays one")

func (f files) move(from, to string, overwrite bool) error {
	in := f.at(from)
	if in != f.at(to) {
		return errAcross
	}
	var err error
	if m, ok := in.(Mover); ok {
		err = m.Move(from, to, overwrite)
	} else {
		err = f.plain.move(f.ctx, in, from, to, overwrite)
	}
	if err != nil {
		return err
	}
	return f.litter.moved(from, to)
}

func (f files) copy(from, to string, overwrite bool, depth int) error {
	in := f.at(from)
	if in != f.at(to) || f.aside && isLitter(from) {
		return errAcross
	}
	var err error
	if c, ok := in.(Copier); ok {
		err = c.Copy(from, to, overwrite, depth)
	} else {
		err = f.plain.copy(f.ctx, in, from, to, overwrite, depth)
	}
	if err != nil {
		return err
	}
	return f.litter.deleted(to) // what was kept for a folder that was replaced
}

func (f files) delete(name, ifMatch string) error {
	in := f.at(name)
	var err error
	if d, ok := in.(Deleter); ok {
		err = d.Delete(name, ifMatch)
	} else {
		err = f.plain.delete(f.ctx, in, name, ifMatch)
	}
	if err != nil {
		return err
	}
	return f.litter.deleted(name)
}

// mkdir creates one folder; fs.ErrExist if the name exists, fs.ErrNotExist
// without a parent. A file system with Put is trusted to check; otherwise the
// parent is checked first, because some (afero.MemMapFs) create missing parents
// implicitly.
func (f files) mkdir(name string) error {
	in := f.at(name)
	if _, ok := in.(Putter); !ok {
		if err := needFolder(in, "mkdir", name); err != nil {
			return err
		}
	}
	return in.Mkdir(name, 0o777)
}

// properties returns the dead properties that the file system itself keeps. info
// may be nil.
func (f files) properties(name string, info fs.FileInfo) (map[string]string, error) {
	if p, ok := info.(PropertyHolder); ok {
		if props, known := p.Properties(); known {
			return props, nil
		}
	}
	p, ok := f.at(name).(Propertier)
	if !ok {
		return nil, nil
	}
	props, err := p.Properties(name)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	return props, err
}

// setProperties stores them there, or returns errors.ErrUnsupported, also if
// there are too many or too long ones for it.
func (f files) setProperties(name string, set map[string]string, remove []string) error {
	p, ok := f.at(name).(Propertier)
	if !ok {
		return errors.ErrUnsupported
	}
	err := p.SetProperties(name, set, remove)
	if code, _ := statusOf(err); err != nil && code == http.StatusRequestEntityTooLarge {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

// list returns a folder and its members by opening it once. For a file it
// returns its own info alone.
func (f files) list(name string) (self fs.FileInfo, children []fs.FileInfo, err error) {
	for range maxLooks {
		// A folder that is none any more after opening was replaced, and must
		// not be reported as missing.
		if self, children, err = f.listOnce(name); err == nil || self == nil || !isMissing(err) {
			break
		}
	}
	return self, children, err
}

// maxLooks is how often a folder is reopened that was replaced before it was
// read.
const maxLooks = 4

// listOnce is list without retries. With an error it returns self if that existed.
func (f files) listOnce(name string) (self fs.FileInfo, children []fs.FileInfo, err error) {
	dir, err := f.open(name)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	if self, err = f.seen(dir.Stat()); err != nil || !self.IsDir() {
		return self, nil, err
	}
	all, err := dir.Readdir(-1)
	if err != nil {
		return self, nil, err
	}
	children = make([]fs.FileInfo, 0, len(all))
	for _, child := range all {
		if ownname.Is(child.Name()) || f.aside && isLitter(child.Name()) {
			continue // this client's litter is kept aside
		}
		if child.Mode()&fs.ModeSymlink != 0 {
			// The target of a link, as everywhere else.
			target, err := f.stat(path.Join(name, child.Name()))
			if err != nil {
				continue
			}
			child = named{target, child.Name()}
		} else if child, err = f.listed(child); err != nil {
			return self, nil, err
		}
		children = append(children, child)
	}
	return self, children, nil
}

// contentType returns the media type of a file, by its name if the file system
// does not know it. The content is never sniffed.
func contentType(info fs.FileInfo) (string, error) {
	known, err := "", xdav.ErrNotImplemented
	switch c := info.(type) {
	case ContentTyper:
		known, err = c.ContentType(), nil
	case netInfo:
		known, err = c.contentType()
	}
	if err != nil && !errors.Is(err, xdav.ErrNotImplemented) {
		return "", err
	}
	if err == nil && known != "" {
		return known, nil
	}
	if t := mime.TypeByExtension(strings.ToLower(path.Ext(info.Name()))); t != "" {
		return t, nil
	}
	return "application/octet-stream", nil
}

// createdAt returns the time of creation or, if unknown, of the last change:
// Finder expects a date.
func createdAt(info fs.FileInfo) time.Time {
	if c, ok := info.(CreationTimer); ok {
		if t := c.Created(); !t.IsZero() {
			return t
		}
	}
	return info.ModTime()
}

// hashOf returns a checksum in lower-case hex, or "".
func hashOf(info fs.FileInfo, algorithm string) string {
	if h, ok := info.(Hasher); ok {
		return h.Hash(algorithm)
	}
	return ""
}

// contentLength returns the size in bytes as a header value.
func contentLength(info fs.FileInfo) string { return strconv.FormatInt(info.Size(), 10) }
