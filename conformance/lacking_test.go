package conformance

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/afero"
	"golang.org/x/text/unicode/norm"
)

var errLacking = &fs.PathError{Op: "use", Path: "store", Err: errors.ErrUnsupported}

// A store lacks one thing, and says so.
type store struct {
	opt  Option
	lack func(b *bugFs)
}

// stores lists an otherwise faultless store for every declaration that there
// can be.
func stores() map[string]store {
	const why = "the store has no such thing"
	return map[string]store{
		"refuses Chmod": {Refuses(Chmod, why), func(b *bugFs) { b.chmod = func(string, os.FileMode) error { return errLacking } }},
		"ignores Chmod": {Ignores(Chmod, why), func(b *bugFs) { b.chmod = func(string, os.FileMode) error { return nil } }},
		"ignores Modes": {Ignores(Modes, why), lackModes},
		"refuses Chown": {Refuses(Chown, why), func(b *bugFs) { b.chown = func(string, int, int) error { return errLacking } }},
		"ignores Chown": {Ignores(Chown, why), func(b *bugFs) { b.chown = func(string, int, int) error { return nil } }},
		"refuses Chtimes": {Refuses(Chtimes, why), func(b *bugFs) {
			b.chtimes = func(string, time.Time, time.Time) error { return errLacking }
		}},
		"ignores Chtimes": {Ignores(Chtimes, why), func(b *bugFs) {
			b.chtimes = func(string, time.Time, time.Time) error { return nil }
		}},
		"refuses DirTimes":   {Refuses(DirTimes, why), func(b *bugFs) { lackDirTimes(b, errLacking) }},
		"ignores DirTimes":   {Ignores(DirTimes, why), func(b *bugFs) { lackDirTimes(b, nil) }},
		"ignores DirUpdates": {Ignores(DirUpdates, why), lackDirUpdates},
		"refuses Append":     {Refuses(Append, why), lackFlags(func(f, _ int64) bool { return f&int64(os.O_APPEND) != 0 && writable(int(f)) })},
		"refuses ReadWrite":  {Refuses(ReadWrite, why), lackReadWrite},
		"refuses Overwrite": {Refuses(Overwrite, why), lackFlags(func(f, size int64) bool {
			return f&int64(os.O_TRUNC) != 0 && writable(int(f)) && size >= 0 && f&int64(os.O_EXCL) == 0
		})},
		"refuses Excl":          {Refuses(Excl, why), lackFlags(func(f, _ int64) bool { return f&int64(os.O_EXCL) != 0 && f&int64(os.O_CREATE) != 0 })},
		"ignores Excl":          {Ignores(Excl, why), ignoreExcl},
		"refuses WriteAt":       {Refuses(WriteAt, why), lackWriteAt},
		"refuses Truncate":      {Refuses(Truncate, why), func(b *bugFs) { b.opened = func(f *bugFile) { f.truncate = func(int64) error { return errLacking } } }},
		"refuses Holes":         {Refuses(Holes, why), lackHoles},
		"refuses Sync":          {Refuses(Sync, why), func(b *bugFs) { b.opened = func(f *bugFile) { f.sync = func() error { return errLacking } } }},
		"refuses SeekDir":       {Refuses(SeekDir, why), func(b *bugFs) { lackSeekDir(b, errLacking) }},
		"ignores SeekDir":       {Ignores(SeekDir, why), func(b *bugFs) { lackSeekDir(b, nil) }},
		"refuses Rename":        {Refuses(Rename, why), lackRename(func(from, to fs.FileInfo) bool { return true })},
		"refuses RenameDir":     {Refuses(RenameDir, why), lackRename(func(from, _ fs.FileInfo) bool { return from.IsDir() })},
		"refuses RenameOver":    {Refuses(RenameOver, why), lackRename(func(from, to fs.FileInfo) bool { return to != nil && !os.SameFile(from, to) })},
		"refuses RenameOpen":    {Refuses(RenameOpen, why), func(b *bugFs) { lackWhileOpen(b, true) }},
		"refuses RemoveOpen":    {Refuses(RemoveOpen, why), func(b *bugFs) { lackWhileOpen(b, false) }},
		"ignores SharedHandles": {Ignores(SharedHandles, why), lackSharedHandles},
		"ignores EmptyDirs":     {Ignores(EmptyDirs, why), lackEmptyDirs},
		"ignores CaseSensitive": {Ignores(CaseSensitive, why), func(b *bugFs) { fold(b, strings.ToLower) }},
		"ignores DistinctForms": {Ignores(DistinctForms, why), func(b *bugFs) { fold(b, norm.NFC.String) }},
		"refuses Symlink":       {Refuses(Symlink, why), func(b *bugFs) { b.symlink = func(string, string) error { return errLacking } }},
	}
}

// TestDeclarationExcusesAll runs the whole catalogue on each of these stores.
// A case that fails needs a capability that it does not say it needs. A short
// run looks at the cases about data alone.
func TestDeclarationExcusesAll(t *testing.T) {
	level := Parity
	if testing.Short() {
		level = Data
	}
	for name, s := range stores() {
		t.Run(name, func(t *testing.T) {
			r := Check(t.Context(), bug{plant: s.lack}.fresh, s.opt, Effort(20, 40), UpTo(level), Parallel(4))
			if err := r.Err(); err != nil {
				t.Error(err)
			}
			if level == Parity && r.Count(Refused, Ignored) == 0 {
				t.Errorf("the declaration keeps no case from being run")
			}
		})
	}
}

// TestUndeclaredLackIsTold runs, on each of these stores, the one case that
// must tell its author what to declare.
func TestUndeclaredLackIsTold(t *testing.T) {
	for name, s := range stores() {
		_, capability, _ := strings.Cut(name, " ")
		id := "refusals/" + strings.ToLower(capability)
		r := Check(t.Context(), bug{plant: s.lack}.fresh, Only(id))
		if got := result(t, r, id); got.Verdict != Failed || !strings.Contains(got.Detail, capability) {
			t.Errorf("%s: %v: %s", name, got.Verdict, got.Detail)
		}
	}
}

func lackModes(b *bugFs) {
	b.openFile = func(name string, flag int, _ os.FileMode) (afero.File, error) {
		return b.good.OpenFile(name, flag, 0o644)
	}
	b.mkdir = func(name string, _ os.FileMode) error { return b.good.Mkdir(name, 0o755) }
	b.mkdirAll = func(name string, _ os.FileMode) error { return b.good.MkdirAll(name, 0o755) }
	b.chmod = func(name string, _ os.FileMode) error { _, err := b.good.Stat(name); return err }
}

func lackDirTimes(b *bugFs, answer error) {
	b.chtimes = func(name string, atime, mtime time.Time) error {
		if fi, err := b.good.Stat(name); err == nil && fi.IsDir() {
			return answer
		}
		return b.good.Chtimes(name, atime, mtime)
	}
}

// lackDirUpdates puts the times of all directories above back after a change.
func lackDirUpdates(b *bugFs) {
	var mu sync.Mutex
	still := func(change func() error, names ...string) error {
		mu.Lock()
		defer mu.Unlock()
		before := map[string]time.Time{}
		for _, name := range names {
			for dir := path.Dir(path.Clean("/" + name)); ; dir = path.Dir(dir) {
				if fi, err := b.good.Stat(dir); err == nil {
					before[dir] = fi.ModTime()
				}
				if dir == "/" {
					break
				}
			}
		}
		err := change()
		for dir, when := range before {
			if fi, err := b.good.Stat(dir); err == nil && fi.IsDir() {
				_ = b.good.Chtimes(dir, when, when) // gone again: then it has no time
			}
		}
		return err
	}
	b.openFile = func(name string, flag int, perm os.FileMode) (f afero.File, err error) {
		err = still(func() error { f, err = b.good.OpenFile(name, flag, perm); return err }, name)
		return f, err
	}
	b.mkdir = func(name string, perm os.FileMode) error {
		return still(func() error { return b.good.Mkdir(name, perm) }, name)
	}
	b.mkdirAll = func(name string, perm os.FileMode) error {
		return still(func() error { return b.good.MkdirAll(name, perm) }, name)
	}
	b.remove = func(name string) error { return still(func() error { return b.good.Remove(name) }, name) }
	b.removeAll = func(name string) error { return still(func() error { return b.good.RemoveAll(name) }, name) }
	b.rename = func(from, to string) error {
		return still(func() error { return b.good.Rename(from, to) }, from, to)
	}
}

// lackFlags refuses what refused says of the flags and the size of the file
// that is there, or -1.
func lackFlags(refused func(flag, size int64) bool) func(b *bugFs) {
	return func(b *bugFs) {
		b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
			size := int64(-1)
			if fi, err := b.good.Stat(name); err == nil && !fi.IsDir() {
				size = fi.Size()
			}
			if refused(int64(flag), size) {
				return nil, errLacking
			}
			return b.good.OpenFile(name, flag, perm)
		}
	}
}

func lackReadWrite(b *bugFs) {
	lackFlags(func(f, _ int64) bool { return f&int64(os.O_RDWR) != 0 })(b)
	b.create = func(name string) (afero.File, error) {
		return b.good.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	}
}

func ignoreExcl(b *bugFs) {
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		return b.good.OpenFile(name, flag&^os.O_EXCL, perm)
	}
}

// guardWrites has every write of a file ask first; the offset is where it
// would land.
func guardWrites(f *bugFile, allowed func(offset, n int64, writeAt bool) bool) {
	write := func(p []byte) (int, error) {
		if offset, err := f.good.Seek(0, 1); err == nil && f.flag&os.O_APPEND == 0 && writable(f.flag) && len(p) > 0 && !allowed(offset, int64(len(p)), false) {
			return 0, errLacking
		}
		return f.good.Write(p)
	}
	f.write = write
	f.writeString = func(s string) (int, error) { return write([]byte(s)) }
	f.writeAt = func(p []byte, off int64) (int, error) {
		if _, err := f.good.Stat(); err == nil && !allowed(off, int64(len(p)), true) {
			return 0, errLacking
		}
		return f.good.WriteAt(p, off)
	}
}

func lackWriteAt(b *bugFs) {
	b.opened = func(f *bugFile) {
		next := f.size()
		if f.flag&os.O_TRUNC != 0 {
			next = 0 // another may have written since
		}
		guardWrites(f, func(offset, n int64, writeAt bool) bool {
			if writeAt || offset != next && offset != f.size() {
				return false
			}
			next = offset + n
			return true
		})
	}
}

func lackHoles(b *bugFs) {
	b.opened = func(f *bugFile) {
		guardWrites(f, func(offset, n int64, _ bool) bool { return n == 0 || offset <= f.size() })
		f.truncate = func(size int64) error {
			if fi, err := f.good.Stat(); err == nil && size > fi.Size() && writable(f.flag) {
				return errLacking
			}
			return f.good.Truncate(size)
		}
	}
}

func lackSeekDir(b *bugFs, answer error) {
	b.opened = func(f *bugFile) {
		f.seek = func(offset int64, whence int) (int64, error) {
			if f.isDir() {
				return 0, answer
			}
			return f.good.Seek(offset, whence)
		}
	}
}

// lackRename refuses what refused says of the two ends; to is nil if there is
// nothing.
func lackRename(refused func(from, to fs.FileInfo) bool) func(b *bugFs) {
	return func(b *bugFs) {
		b.rename = func(from, to string) error {
			source, err := b.good.Stat(from)
			target, _ := b.good.Stat(to)
			if err == nil && refused(source, target) {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: errors.ErrUnsupported}
			}
			return b.good.Rename(from, to)
		}
	}
}

// lackWhileOpen refuses to rename, or to remove and replace, what is open.
func lackWhileOpen(b *bugFs, rename bool) {
	var mu sync.Mutex
	open := map[*bugFile]bool{}
	busy := func(name string) (found bool) {
		_ = afero.Walk(b.good, name, func(_ string, fi fs.FileInfo, err error) error {
			mu.Lock()
			defer mu.Unlock()
			for f := range open {
				held, herr := f.good.Stat()
				found = found || err == nil && herr == nil && os.SameFile(fi, held)
			}
			return nil
		})
		return found
	}
	b.opened = func(f *bugFile) {
		mu.Lock()
		defer mu.Unlock()
		open[f] = true
		f.close = func() error {
			mu.Lock()
			defer mu.Unlock()
			delete(open, f)
			return f.good.Close()
		}
	}
	b.rename = func(from, to string) error {
		if rename && busy(from) || !rename && busy(to) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: errors.ErrUnsupported}
		}
		return b.good.Rename(from, to)
	}
	if !rename {
		b.remove = func(name string) error {
			if busy(name) {
				return errLacking
			}
			return b.good.Remove(name)
		}
		b.removeAll = func(name string) error {
			if busy(name) {
				return errLacking
			}
			return b.good.RemoveAll(name)
		}
	}
}

// lackSharedHandles has every reader keep what it found when it opened.
func lackSharedHandles(b *bugFs) {
	b.opened = func(f *bugFile) {
		if writable(f.flag) || f.isDir() {
			return
		}
		content, err := afero.ReadFile(b.good, f.as)
		if err != nil {
			return
		}
		r := bytes.NewReader(content)
		ask := func(do func() (int, error)) (int, error) {
			if _, err := f.good.Stat(); err != nil {
				return 0, os.ErrClosed
			}
			return do()
		}
		f.read = func(p []byte) (int, error) { return ask(func() (int, error) { return r.Read(p) }) }
		f.readAt = func(p []byte, off int64) (int, error) { return ask(func() (int, error) { return r.ReadAt(p, off) }) }
		f.seek = func(offset int64, whence int) (int64, error) {
			if _, err := f.good.Stat(); err != nil {
				return 0, os.ErrClosed
			}
			return r.Seek(offset, whence)
		}
	}
}

// lackEmptyDirs has directories come and go with what they hold.
func lackEmptyDirs(b *bugFs) {
	prune := func(name string) {
		for dir := path.Dir(path.Clean("/" + name)); dir != "/"; dir = path.Dir(dir) {
			if fi, _, err := b.good.LstatIfPossible(dir); err != nil || !fi.IsDir() || b.good.Remove(dir) != nil {
				return
			}
		}
	}
	grow := func(name string) { _ = b.good.MkdirAll(path.Dir(path.Clean("/"+name)), 0o755) }
	mkdir := func(name string, must bool) error {
		if strings.Contains(name, "\x00") {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrInvalid}
		}
		for at := path.Clean("/" + name); at != "/"; at = path.Dir(at) {
			if fi, err := b.good.Stat(at); err == nil && (must && at == path.Clean("/"+name) || !fi.IsDir()) {
				return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
			}
		}
		if must && path.Clean("/"+name) == "/" {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
		}
		return nil
	}
	b.mkdir = func(name string, _ os.FileMode) error { return mkdir(name, true) }
	b.mkdirAll = func(name string, _ os.FileMode) error { return mkdir(name, false) }
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		if flag&os.O_CREATE != 0 {
			grow(name)
		}
		f, err := b.good.OpenFile(name, flag, perm)
		if err != nil {
			prune(name)
		}
		return f, err
	}
	b.remove = func(name string) error {
		err := b.good.Remove(name)
		prune(name)
		return err
	}
	b.removeAll = func(name string) error {
		err := b.good.RemoveAll(name)
		prune(name)
		return err
	}
	b.rename = func(from, to string) error {
		grow(to)
		err := b.good.Rename(from, to)
		prune(from)
		prune(to)
		return err
	}
}

// fold makes names one that key says are one; the first spelling stays.
func fold(b *bugFs, key func(string) string) {
	resolve := func(name string) string {
		at := "/"
		parts := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
		for _, part := range parts {
			infos, _ := afero.ReadDir(b.good, at)
			for _, fi := range infos {
				if key(fi.Name()) == key(part) {
					part = fi.Name()
				}
			}
			at = path.Join(at, part)
		}
		if strings.HasSuffix(name, "/") && at != "/" || name == "" {
			return name
		}
		return at
	}
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		f, err := b.good.OpenFile(resolve(name), flag, perm)
		return f, b.good.told(err, name)
	}
	b.opened = func(f *bugFile) { f.name = func() string { return f.as } }
	b.mkdir = func(name string, perm os.FileMode) error {
		return b.good.told(b.good.Mkdir(resolve(name), perm), name)
	}
	b.mkdirAll = func(name string, perm os.FileMode) error { return b.good.MkdirAll(resolve(name), perm) }
	b.remove = func(name string) error { return b.good.told(b.good.Remove(resolve(name)), name) }
	b.removeAll = func(name string) error { return b.good.RemoveAll(resolve(name)) }
	b.stat = func(name string) (fs.FileInfo, error) {
		fi, err := b.good.Stat(resolve(name))
		return fi, b.good.told(err, name)
	}
	b.chmod = func(name string, perm os.FileMode) error { return b.good.Chmod(resolve(name), perm) }
	b.chown = func(name string, uid, gid int) error { return b.good.Chown(resolve(name), uid, gid) }
	b.chtimes = func(name string, a, m time.Time) error { return b.good.Chtimes(resolve(name), a, m) }
	b.rename = func(from, to string) error {
		target := resolve(to)
		if target == resolve(from) {
			target = path.Join(path.Dir(target), path.Base(to))
		}
		err := b.good.Rename(resolve(from), target)
		var le *os.LinkError
		if errors.As(err, &le) {
			return &os.LinkError{Op: le.Op, Old: from, New: to, Err: le.Err}
		}
		return err
	}
}
