package webdav

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// FromAfero adapts a file system to the interface of golang.org/x/net/webdav.
// Each call is bound to its context ([ContextBinder]); the FileInfos have ETag
// and ContentType with the signatures of x/net, and keep [CreationTimer],
// [Hasher] and [PropertyHolder] as they are; the Files hold dead properties if
// the file system is a [Propertier].
//
// It also makes x/net's own handler safer: a File opened with O_TRUNC is an
// io.ReaderFrom that stores all of a body or nothing, so an aborted PUT leaves
// the old content; opening never truncates if the existing file cannot be read.
// The faults of that handler remain: its MOVE and COPY delete the target first,
// even if the source does not exist, and it ignores If-Match. [New] has none of
// them.
func FromAfero(fs afero.Fs) xdav.FileSystem {
	return &fromAfero{fs: fs, plain: &plain{}, judge: &judge{log: slog.New(slog.DiscardHandler)}}
}

type fromAfero struct {
	fs    afero.Fs
	plain *plain
	judge *judge
}

// bind returns the file system bound to a context.
func (a *fromAfero) bind(ctx context.Context) afero.Fs {
	if c, ok := a.fs.(ContextBinder); ok {
		return c.WithContext(ctx)
	}
	return a.fs
}

func (a *fromAfero) files(ctx context.Context) files {
	return files{ctx: ctx, fs: a.bind(ctx), judge: a.judge, plain: a.plain}
}

// belowRoot cleans a name and refuses the root.
func belowRoot(op, name string) (string, error) {
	clean := pathtree.Clean(name)
	if clean == "/" {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return clean, nil
}

// Mkdir implements FileSystem.
func (a *fromAfero) Mkdir(ctx context.Context, name string, _ os.FileMode) error {
	return a.files(ctx).mkdir(pathtree.Clean(name))
}

// RemoveAll implements FileSystem. It refuses the root.
func (a *fromAfero) RemoveAll(ctx context.Context, name string) error {
	name, err := belowRoot("remove", name)
	if err != nil {
		return err
	}
	if err := a.files(ctx).delete(name, ""); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Rename implements FileSystem. A file replaces a file; a folder is not
// replaced.
func (a *fromAfero) Rename(ctx context.Context, from, to string) error {
	from, err := belowRoot("rename", from)
	if err != nil {
		return err
	}
	if to, err = belowRoot("rename", to); err != nil {
		return err
	}
	f := a.files(ctx)
	target, err := f.stat(to)
	if err == nil && target.IsDir() {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	if err != nil && !isMissing(err) {
		return err
	}
	return f.move(from, to, err == nil)
}

// Stat implements FileSystem.
func (a *fromAfero) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	info, err := a.bind(ctx).Stat(pathtree.Clean(name))
	if err != nil {
		return nil, err
	}
	return forNet(info), nil
}

// OpenFile implements FileSystem.
func (a *fromAfero) OpenFile(ctx context.Context, name string, flag int, perm os.FileMode) (xdav.File, error) {
	f := &netFile{files: a.files(ctx), of: a, name: pathtree.Clean(name), flag: flag, perm: perm}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	if _, ok := f.files.fs.(Propertier); ok {
		return netPropFile{f}, nil
	}
	return f, nil
}

// prepare opens a file for reading, and stats one before it is written.
func (f *netFile) prepare() error {
	const writes = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREATE | os.O_TRUNC
	if f.flag&writes == 0 {
		return f.open()
	}
	info, err := f.files.stat(f.name)
	switch {
	case err == nil && f.flag&os.O_CREATE != 0 && f.flag&os.O_EXCL != 0:
		return &fs.PathError{Op: "open", Path: f.name, Err: fs.ErrExist}
	case err == nil && info.IsDir() && f.flag&(os.O_CREATE|os.O_TRUNC) != 0:
		return &fs.PathError{Op: "open", Path: f.name, Err: syscall.EISDIR}
	case err == nil && info.IsDir():
		f.flag = os.O_RDONLY // x/net opens a folder for writing to change its properties
		return f.open()
	case err == nil:
		f.info, f.whole = info, f.flag&os.O_TRUNC != 0
		return nil
	case f.flag&os.O_CREATE == 0 || !isMissing(err):
		return err
	}
	f.whole = true
	return needFolder(f.files.fs, "open", f.name)
}

// forNet returns info with the signatures of x/net, unless it has them.
func forNet(info fs.FileInfo) fs.FileInfo {
	_, hasTag := info.(xdav.ETager)
	_, hasType := info.(xdav.ContentTyper)
	if hasTag || hasType {
		return info
	}
	return infoForNet{info}
}

// infoForNet is an info of a file system with the signatures of x/net.
type infoForNet struct{ fs.FileInfo }

// ETag implements x/net's ETager.
func (i infoForNet) ETag(context.Context) (string, error) {
	if tag := entityTag(i.FileInfo); tag != "" {
		return tag, nil
	}
	return "", xdav.ErrNotImplemented
}

// ContentType implements x/net's ContentTyper.
func (i infoForNet) ContentType(context.Context) (string, error) { return contentType(i.FileInfo) }

// Created implements [CreationTimer].
func (i infoForNet) Created() time.Time { return createdAt(i.FileInfo) }

// Hash implements [Hasher].
func (i infoForNet) Hash(algorithm string) string { return hashOf(i.FileInfo, algorithm) }

// Properties implements [PropertyHolder].
func (i infoForNet) Properties() (props map[string]string, known bool) {
	if p, ok := i.FileInfo.(PropertyHolder); ok {
		return p.Properties()
	}
	return nil, false
}

var errStored = errors.New("the file has been stored whole already")
