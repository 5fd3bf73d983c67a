package conformance

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

func statBugs() []bug {
	info := func(change func(b *bugFs, name string, fi fs.FileInfo) fs.FileInfo) func(b *bugFs) {
		return func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if err != nil {
					return fi, err
				}
				return change(b, name, fi), nil
			}
		}
	}
	return []bug{
		{"stat/dir-trailing-slash", "Stat of a directory with a slash at the end has no name", info(func(_ *bugFs, name string, fi fs.FileInfo) fs.FileInfo {
			if strings.HasSuffix(name, "/") && name != "/" {
				return namedInfo{fi, ""}
			}
			return fi
		})},
		{"stat/root", "the root is not there", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				if b.good.isRoot(name) {
					return nil, pathError("stat", name, fs.ErrNotExist)
				}
				return b.good.Stat(name)
			}
		}},
		{"stat/root-name", "the root has no name", info(func(b *bugFs, name string, fi fs.FileInfo) fs.FileInfo {
			if b.good.isRoot(name) {
				return namedInfo{fi, ""}
			}
			return fi
		})},
		{"stat/missing", "the error of Stat tells no path", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if err != nil {
					return nil, errors.Unwrap(err)
				}
				return fi, nil
			}
		}},
		{"stat/nil-info-on-error", "a nil pointer comes with the error of Stat", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if err != nil {
					return (*namedInfo)(nil), err
				}
				return fi, nil
			}
		}},
		{"stat/under-file", "Stat of a name below a file is about the file", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				if b.isFile(path.Dir(name)) {
					name = path.Dir(name)
				}
				return b.good.Stat(name)
			}
		}},
		{"stat/snapshot-not-live", "a FileInfo tells what is", info(func(b *bugFs, name string, fi fs.FileInfo) fs.FileInfo {
			return liveInfo{fi, func() (fs.FileInfo, error) { return b.good.Stat(name) }}
		})},
		{"stat/handle-matches-path", "Stat of a handle tells other permissions", onFile(func(f *bugFile) {
			f.stat = func() (fs.FileInfo, error) {
				fi, err := f.good.Stat()
				if err != nil {
					return nil, err
				}
				return modeInfo{fi, fi.Mode() ^ 0o020}, nil
			}
		})},
		{"stat/directory-handle", "Stat of the handle of a directory has another name", onDir(func(f *bugFile) {
			f.stat = func() (fs.FileInfo, error) { fi, err := f.good.Stat(); return namedInfo{fi, "."}, err }
		})},
		{"stat/sys-does-not-panic", "Sys panics", info(func(_ *bugFs, _ string, fi fs.FileInfo) fs.FileInfo { return sysInfo{fi} })},
		{"stat/mode-type-agrees-with-isdir", "the mode of a directory is that of a file", info(func(_ *bugFs, _ string, fi fs.FileInfo) fs.FileInfo {
			return modeInfo{fi, fi.Mode().Perm()}
		})},
		{"stat/size-after-each-write", "Stat of a name is kept for as long as the file is open", func(b *bugFs) {
			kept := map[string]fs.FileInfo{}
			b.opened = func(f *bugFile) {
				if writable(f.flag) {
					kept[f.as], _ = f.good.Stat()
					f.close = func() error { delete(kept, f.as); return f.good.Close() }
				}
			}
			b.stat = func(name string) (fs.FileInfo, error) {
				if fi, ok := kept[name]; ok && !b.missing(name) {
					return fi, nil
				}
				return b.good.Stat(name)
			}
		}},
		{"stat/file", "the name of a file is in capitals for Stat", info(func(_ *bugFs, _ string, fi fs.FileInfo) fs.FileInfo {
			if !fi.IsDir() {
				return namedInfo{fi, strings.ToUpper(fi.Name())}
			}
			return fi
		})},
		{"stat/dir", "the name of a directory ends in a slash for Stat", info(func(b *bugFs, name string, fi fs.FileInfo) fs.FileInfo {
			if fi.IsDir() && !b.good.isRoot(name) {
				return namedInfo{fi, fi.Name() + "/"}
			}
			return fi
		})},
	}
}

type sysInfo struct{ fs.FileInfo }

func (sysInfo) Sys() any { panic("no system") }

// A liveInfo asks again each time.
type liveInfo struct {
	fs.FileInfo
	now func() (fs.FileInfo, error)
}

func (i liveInfo) Size() int64 {
	if fi, err := i.now(); err == nil {
		return fi.Size()
	}
	return 0
}

func (i liveInfo) ModTime() time.Time { return i.FileInfo.ModTime() }
