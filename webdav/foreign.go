package webdav

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// foreignFs adapts a FileSystem of x/net, bound to a request, to the methods of
// afero that the handler calls. Its Properties are the dead properties of its
// files (DeadPropsHolder).
type foreignFs struct {
	ctx context.Context
	fs  xdav.FileSystem
}

var (
	_ afero.Fs   = (*foreignFs)(nil)
	_ Propertier = (*foreignFs)(nil)
)

func (f *foreignFs) Name() string { return "x/net/webdav" }
func (f *foreignFs) Mkdir(name string, perm os.FileMode) error {
	return f.notDir(name, f.fs.Mkdir(f.ctx, name, perm))
}
func (f *foreignFs) RemoveAll(name string) error                { return f.fs.RemoveAll(f.ctx, name) }
func (f *foreignFs) Rename(from, to string) error               { return f.notDir(to, f.fs.Rename(f.ctx, from, to)) }
func (f *foreignFs) Open(name string) (afero.File, error)       { return f.OpenFile(name, os.O_RDONLY, 0) }
func (f *foreignFs) Create(string) (afero.File, error)          { return nil, errors.ErrUnsupported }
func (f *foreignFs) MkdirAll(string, os.FileMode) error         { return errors.ErrUnsupported }
func (f *foreignFs) Chmod(string, os.FileMode) error            { return errors.ErrUnsupported }
func (f *foreignFs) Chown(string, int, int) error               { return errors.ErrUnsupported }
func (f *foreignFs) Chtimes(string, time.Time, time.Time) error { return errors.ErrUnsupported }

func (f *foreignFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	file, err := f.fs.OpenFile(f.ctx, name, flag, perm)
	if err != nil {
		return nil, f.notDir(name, err)
	}
	return foreignFile{file, name}, nil
}

func (f *foreignFs) Stat(name string) (fs.FileInfo, error) {
	info, err := f.fs.Stat(f.ctx, name)
	return info, f.notDir(name, err)
}

// notDir returns err, or ENOTDIR in its place if a parent of name is a file, for
// which NewMemFS returns an invalid argument.
func (f *foreignFs) notDir(name string, err error) error {
	if !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	for parent := path.Dir(name); parent != "/"; parent = path.Dir(parent) {
		if info, statErr := f.fs.Stat(f.ctx, parent); statErr == nil && !info.IsDir() {
			return &fs.PathError{Op: "find", Path: name, Err: syscall.ENOTDIR}
		}
	}
	return err
}

// Remove removes a file. x/net can only remove a whole tree, so a name that
// has become a folder is left alone.
func (f *foreignFs) Remove(name string) error {
	info, err := f.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.EISDIR}
	}
	return f.RemoveAll(name)
}

// Properties implements [Propertier].
func (f *foreignFs) Properties(name string) (map[string]string, error) {
	var found map[xml.Name]xdav.Property
	err := f.held(name, os.O_RDONLY, func(holder xdav.DeadPropsHolder) (err error) {
		found, err = holder.DeadProps()
		return err
	})
	if err != nil {
		return nil, err
	}
	props := make(map[string]string, len(found))
	for key, p := range found {
		element, err := davxml.Wrap(key, p.Lang, string(p.InnerXML))
		if err != nil {
			return nil, err
		}
		props[davxml.Key(key)] = element.XML
	}
	return props, nil
}

// SetProperties implements [Propertier].
func (f *foreignFs) SetProperties(name string, set map[string]string, remove []string) error {
	var changed, removed xdav.Proppatch
	for _, whole := range set {
		p, bare, err := netProperty(whole)
		if err != nil {
			return err
		}
		if !bare {
			return errors.ErrUnsupported // x/net cannot keep its attributes
		}
		changed.Props = append(changed.Props, p)
	}
	removed.Remove = true
	for _, key := range remove {
		removed.Props = append(removed.Props, xdav.Property{XMLName: davxml.NameOf(key)})
	}
	var patches []xdav.Proppatch
	for _, p := range []xdav.Proppatch{changed, removed} {
		if len(p.Props) > 0 {
			patches = append(patches, p)
		}
	}
	return f.held(name, os.O_RDWR, func(holder xdav.DeadPropsHolder) error {
		answer, err := holder.Patch(patches)
		if err != nil {
			return err
		}
		for _, p := range answer {
			if p.Status >= 300 && p.Status != http.StatusFailedDependency {
				return &statusError{status: p.Status, reason: "the file system does not keep the property"}
			}
		}
		return nil
	})
}

// held calls use with the properties of a file, or returns
// errors.ErrUnsupported if the file system keeps none. Not every file system
// opens a folder for writing.
func (f *foreignFs) held(name string, flag int, use func(xdav.DeadPropsHolder) error) error {
	file, err := f.fs.OpenFile(f.ctx, name, flag, 0)
	if err != nil && flag != os.O_RDONLY {
		file, err = f.fs.OpenFile(f.ctx, name, os.O_RDONLY, 0)
	}
	if err != nil {
		return err
	}
	holder, ok := file.(xdav.DeadPropsHolder)
	if !ok {
		return errors.Join(errors.ErrUnsupported, file.Close())
	}
	return errors.Join(use(holder), file.Close())
}

// netProperty returns an element as x/net keeps it, and whether nothing of it
// is lost.
func netProperty(whole string) (p xdav.Property, bare bool, err error) {
	element, err := davxml.ParseElement(whole)
	if err != nil {
		return p, false, err
	}
	lang, inner, err := element.Inner()
	return xdav.Property{XMLName: element.Name, Lang: lang, InnerXML: []byte(inner)}, element.Bare(), err
}

// foreignFile adapts a File of x/net to afero. Methods that x/net lacks are
// unsupported, except Sync where the file has it.
type foreignFile struct {
	xdav.File
	name string
}

func (f foreignFile) Name() string                       { return path.Base(f.name) }
func (f foreignFile) ReadAt([]byte, int64) (int, error)  { return 0, errors.ErrUnsupported }
func (f foreignFile) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }
func (f foreignFile) Truncate(int64) error               { return errors.ErrUnsupported }
func (f foreignFile) Readdirnames(int) ([]string, error) { return nil, errors.ErrUnsupported }
func (f foreignFile) WriteString(s string) (int, error)  { return io.WriteString(f.File, s) }

func (f foreignFile) Sync() error {
	if s, ok := f.File.(interface{ Sync() error }); ok {
		return s.Sync()
	}
	return nil
}

// ReadFrom implements io.ReaderFrom, by which a File can learn that a body
// broke off.
func (f foreignFile) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := f.File.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{f.File}, r)
}
