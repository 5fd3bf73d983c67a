package webdav

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// A netFile is a file of [FromAfero]. A file for writing is opened by the first
// call that needs it; with O_TRUNC, or if it is new, it is stored whole by
// ReadFrom, or empty by Close if nothing was written. It is not safe for
// concurrent use, as x/net's handler does not need it.
type netFile struct {
	files files
	of    *fromAfero
	name  string
	flag  int
	perm  os.FileMode

	info   fs.FileInfo // of the existing file when it was opened, or nil
	whole  bool        // the old content is replaced
	file   afero.File  // nil until it is opened
	stored fs.FileInfo // nil until it is stored whole
	failed error       // why it could not be stored
}

var (
	_ xdav.File            = (*netFile)(nil)
	_ io.ReaderFrom        = (*netFile)(nil)
	_ xdav.DeadPropsHolder = netPropFile{}
)

func (f *netFile) open() (err error) {
	switch {
	case f.file != nil:
		return nil
	case f.failed != nil:
		return f.failed
	case f.stored != nil:
		return &fs.PathError{Op: "open", Path: f.name, Err: errStored}
	}
	if f.flag == os.O_RDONLY {
		f.file, err = f.files.fs.Open(f.name)
	} else {
		f.file, err = f.files.fs.OpenFile(f.name, f.flag, f.perm)
	}
	return err
}

// Read implements File.
func (f *netFile) Read(p []byte) (int, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	return f.file.Read(p)
}

// Seek implements File.
func (f *netFile) Seek(offset int64, whence int) (int64, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	return f.file.Seek(offset, whence)
}

// Write implements File. It writes directly to the file system: errors of
// a request body are not visible here.
func (f *netFile) Write(p []byte) (int, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

// Readdir implements File.
func (f *netFile) Readdir(count int) ([]fs.FileInfo, error) {
	if err := f.open(); err != nil {
		return nil, err
	}
	all, err := f.file.Readdir(count)
	var shown []fs.FileInfo
	for _, info := range all {
		if !ownname.Is(info.Name()) {
			shown = append(shown, forNet(info))
		}
	}
	return shown, err
}

// Stat implements File.
func (f *netFile) Stat() (fs.FileInfo, error) {
	if f.file != nil {
		info, err := f.file.Stat()
		if err != nil {
			return nil, err
		}
		return forNet(info), nil
	}
	if f.whole {
		if err := f.storeEmpty(); err != nil {
			return nil, err
		}
		return forNet(f.stored), nil
	}
	return forNet(f.info), nil
}

// Close implements File.
func (f *netFile) Close() error {
	switch {
	case f.file != nil:
		return f.file.Close()
	case f.whole:
		return f.storeEmpty()
	}
	return nil
}

// ReadFrom implements io.ReaderFrom: all of r is stored, or nothing of it and
// the old content stays. Between two files of one file system that can copy,
// nothing is read.
func (f *netFile) ReadFrom(r io.Reader) (int64, error) {
	if !f.whole || f.file != nil {
		return io.Copy(struct{ io.Writer }{f}, r)
	}
	if f.stored != nil || f.failed != nil {
		return 0, f.open()
	}
	if n, copied := f.copyFrom(r); copied {
		return n, f.failed
	}
	counted := &countingReader{r: r}
	f.store(counted)
	return counted.n, f.failed
}

// copyFrom copies an unread file in the file system itself, if r is one.
func (f *netFile) copyFrom(r io.Reader) (n int64, copied bool) {
	from, ok := r.(interface {
		unread() (*netFile, fs.FileInfo)
	})
	if !ok {
		return 0, false
	}
	source, info := from.unread()
	copier, ok := f.files.fs.(Copier)
	if !ok || info == nil || source.of != f.of {
		return 0, false
	}
	if f.failed = copier.Copy(source.name, f.name, f.info != nil, -1); f.failed == nil {
		f.stored, f.failed = f.files.stat(f.name)
	}
	return info.Size(), true
}

// unread returns r as a file of which nothing has been read, and its info,
// or nil.
func (f *netFile) unread() (*netFile, fs.FileInfo) {
	if f.file == nil || f.flag != os.O_RDONLY {
		return f, nil
	}
	if at, err := f.file.Seek(0, io.SeekCurrent); err != nil || at != 0 {
		return f, nil
	}
	info, err := f.file.Stat()
	if err != nil || info.IsDir() {
		return f, nil
	}
	return f, info
}

func (f *netFile) storeEmpty() error {
	if f.stored == nil && f.failed == nil {
		f.store(http.NoBody)
	}
	return f.failed
}

func (f *netFile) store(body io.Reader) {
	f.stored, f.failed = f.files.put(f.name, body, -1, time.Time{}, "", f.flag&os.O_EXCL != 0)
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// netPropFile is a netFile of a file system that keeps properties.
type netPropFile struct{ *netFile }

// DeadProps implements x/net's DeadPropsHolder.
func (f netPropFile) DeadProps() (map[xml.Name]xdav.Property, error) {
	info := f.info
	if f.file != nil {
		var err error
		if info, err = f.file.Stat(); err != nil {
			return nil, err
		}
	}
	stored, err := f.files.properties(f.name, info)
	if err != nil {
		return nil, err
	}
	props := make(map[xml.Name]xdav.Property, len(stored))
	for _, whole := range stored {
		p, _, err := netProperty(whole)
		if err != nil {
			return nil, err
		}
		props[p.XMLName] = p
	}
	return props, nil
}

// Patch implements x/net's DeadPropsHolder.
func (f netPropFile) Patch(patches []xdav.Proppatch) ([]xdav.Propstat, error) {
	if f.whole {
		if err := f.storeEmpty(); err != nil {
			return nil, err
		}
	}
	set, removed := map[string]string{}, map[string]bool{}
	answer := xdav.Propstat{Status: http.StatusOK}
	for _, patch := range patches {
		for _, p := range patch.Props {
			key := davxml.Key(p.XMLName)
			answer.Props = append(answer.Props, xdav.Property{XMLName: p.XMLName})
			if patch.Remove {
				delete(set, key)
				removed[key] = true
				continue
			}
			delete(removed, key)
			element, err := davxml.Wrap(p.XMLName, p.Lang, string(p.InnerXML))
			if err != nil {
				return nil, err
			}
			set[key] = element.XML
		}
	}
	err := f.files.setProperties(f.name, set, slices.Collect(maps.Keys(removed)))
	if err == nil {
		return []xdav.Propstat{answer}, nil
	}
	code, _ := statusOf(err)
	if code >= 500 && code != http.StatusInsufficientStorage {
		return nil, err
	}
	if errors.Is(err, errors.ErrUnsupported) {
		code = http.StatusInsufficientStorage // there is no other store for them
	}
	answer.Status = code
	return []xdav.Propstat{answer}, nil
}
