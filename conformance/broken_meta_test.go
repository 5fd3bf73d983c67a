package conformance

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/afero"
)

// touched updates the modification time of a file after a change.
func (b *bugFs) touched(name string, at time.Time) { _ = b.good.Chtimes(name, at, at) }

func (b *bugFs) modTime(name string) time.Time {
	fi, err := b.good.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return fi.ModTime()
}

// keepTime leaves the time of a name as it was before.
func (b *bugFs) keepTime(name string, do func() error) error {
	was := b.modTime(name)
	err := do()
	if err == nil && !was.IsZero() {
		b.touched(name, was)
	}
	return err
}

func modeBugs() []bug {
	chmod := func(chmod func(b *bugFs, name string, mode os.FileMode) error) func(b *bugFs) {
		return func(b *bugFs) {
			b.chmod = func(name string, mode os.FileMode) error { return chmod(b, name, mode) }
		}
	}
	return []bug{
		{"mode/chmod-file", "Chmod of a file does nothing", chmod(func(b *bugFs, name string, mode os.FileMode) error {
			if b.isFile(name) && mode.IsRegular() {
				return nil
			}
			return b.good.Chmod(name, mode)
		})},
		{"mode/chmod-dir-stays-dir", "Chmod of a directory with bare permissions makes a file of it", chmod(func(b *bugFs, name string, mode os.FileMode) error {
			if b.isDir(name) && mode.IsRegular() && !b.good.isRoot(name) {
				_ = b.good.RemoveAll(name)
				return os.WriteFile(b.good.real(name), nil, mode)
			}
			return b.good.Chmod(name, mode)
		})},
		{"mode/type-bits-ignored", "Chmod with the bit of a directory makes one", chmod(func(b *bugFs, name string, mode os.FileMode) error {
			if b.isFile(name) && mode.IsDir() {
				_ = b.good.Remove(name)
				return b.good.Mkdir(name, mode)
			}
			return b.good.Chmod(name, mode)
		})},
		{"mode/chmod-missing", "Chmod makes what is missing", chmod(func(b *bugFs, name string, mode os.FileMode) error {
			if b.missing(name) {
				return os.WriteFile(b.good.real(name), nil, mode)
			}
			return b.good.Chmod(name, mode)
		})},
		{"mode/mkdir-perm", "MkdirAll makes directories without a type", func(b *bugFs) {
			b.mkdirAll = func(name string, _ os.FileMode) error { return b.good.MkdirAll(name, 0o777) }
		}},
		{"mode/survives-rename", "a renamed file has the permissions of a new one", onRename(func(b *bugFs, from, to string) error {
			isFile := b.isFile(from)
			err := b.good.Rename(from, to)
			if err == nil && isFile {
				_ = b.good.Chmod(to, 0o644)
			}
			return err
		})},
		{"mode/survives-truncate", "a cut file has the permissions of a new one", onTruncate(func(f *bugFile, size int64) error {
			err := f.good.Truncate(size)
			if err == nil {
				_ = f.fs.good.Chmod(f.as, 0o644)
			}
			return err
		})},
		{"mode/setuid-not-invented", "new files are setuid", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				if f.flag&os.O_CREATE != 0 && b.isFile(f.as) {
					fi, _ := b.good.Stat(f.as)
					_ = b.good.Chmod(f.as, fi.Mode()|fs.ModeSetuid)
				}
			}
		}},
		{"chown/file", "Chown sets the mode to 0600", func(b *bugFs) {
			b.chown = func(name string, uid, gid int) error {
				err := b.good.Chown(name, uid, gid)
				if err == nil && b.isFile(name) {
					_ = b.good.Chmod(name, 0o600)
				}
				return err
			}
		}},
		{"chown/dir", "Chown of a directory fails", func(b *bugFs) {
			b.chown = func(name string, uid, gid int) error {
				if b.isDir(name) {
					return pathError("chown", name, fs.ErrInvalid)
				}
				return b.good.Chown(name, uid, gid)
			}
		}},
		{"chown/missing", "Chown of what is missing goes well", func(b *bugFs) {
			b.chown = func(name string, uid, gid int) error {
				if b.missing(name) {
					return nil
				}
				return b.good.Chown(name, uid, gid)
			}
		}},
		{"chown/survives-rename", "a renamed file belongs to who renamed it", onRename(func(b *bugFs, from, to string) error {
			err := b.good.Rename(from, to)
			if err == nil {
				_ = b.good.Chown(to, os.Getuid(), os.Getgid())
			}
			return err
		})},
	}
}

func timesBugs() []bug {
	chtimes := func(chtimes func(b *bugFs, name string, at time.Time) error) func(b *bugFs) {
		return func(b *bugFs) {
			b.chtimes = func(name string, _, at time.Time) error { return chtimes(b, name, at) }
		}
	}
	return []bug{
		{"times/chtimes-file", "Chtimes empties the file", chtimes(func(b *bugFs, name string, at time.Time) error {
			if b.isFile(name) {
				_ = os.Truncate(b.good.real(name), 0)
			}
			return b.good.Chtimes(name, at, at)
		})},
		{"times/chtimes-dir", "Chtimes of a directory does nothing", chtimes(func(b *bugFs, name string, at time.Time) error {
			if b.isDir(name) {
				return nil
			}
			return b.good.Chtimes(name, at, at)
		})},
		{"times/sub-second", "times are kept to the second", chtimes(func(b *bugFs, name string, at time.Time) error {
			return b.good.Chtimes(name, at, at.Truncate(time.Second))
		})},
		{"times/extremes", "times before 1970 are 1970", chtimes(func(b *bugFs, name string, at time.Time) error {
			if at.Before(time.Unix(0, 0)) {
				at = time.Unix(0, 0)
			}
			return b.good.Chtimes(name, at, at)
		})},
		{"times/missing", "Chtimes of what is missing makes it", chtimes(func(b *bugFs, name string, at time.Time) error {
			if b.missing(name) {
				return os.WriteFile(b.good.real(name), nil, 0o644)
			}
			return b.good.Chtimes(name, at, at)
		})},
		{"times/survives-read", "a file that was read is dated now when closed", onFile(func(f *bugFile) {
			read := false
			f.read = func(p []byte) (int, error) { read = true; return f.good.Read(p) }
			f.close = func() error {
				if read && !writable(f.flag) {
					f.fs.touched(f.as, time.Now())
				}
				return f.good.Close()
			}
		})},
		{"times/survives-rename", "a renamed file is dated now", onRename(func(b *bugFs, from, to string) error {
			isFile := b.isFile(from)
			err := b.good.Rename(from, to)
			if err == nil && isFile {
				b.touched(to, time.Now())
			}
			return err
		})},
		{"times/idle-writable-close-keeps", "every writer dates its file when closed", onFile(func(f *bugFile) {
			wrote := false
			f.write = func(p []byte) (int, error) { wrote = true; return f.good.Write(p) }
			f.close = func() error {
				if writable(f.flag) && !wrote {
					f.fs.touched(f.as, time.Now())
				}
				return f.good.Close()
			}
		})},
		{"times/with-open-writer", "who wrote a file dates it when closed", onFile(func(f *bugFile) {
			wrote := false
			f.write = func(p []byte) (int, error) { wrote = true; return f.good.Write(p) }
			f.close = func() error {
				if wrote {
					f.fs.touched(f.as, time.Now())
				}
				return f.good.Close()
			}
		})},
		{"times/same-through-listing-and-stat", "a listing tells the time of the listing", onLists(func(f *bugFile) lister {
			return func(n int) ([]fs.FileInfo, error) {
				infos, err := f.good.Readdir(n)
				for i, fi := range infos {
					infos[i] = timeInfo{fi}
				}
				return infos, err
			}
		})},
		{"times/write-advances", "writing does not date the file", onFile(func(f *bugFile) {
			f.write = func(p []byte) (n int, err error) {
				_ = f.fs.keepTime(f.as, func() error { n, err = f.good.Write(p); return err })
				return n, err
			}
		})},
		{"times/writeat-advances", "WriteAt does not date the file", onFile(func(f *bugFile) {
			f.writeAt = func(p []byte, off int64) (n int, err error) {
				_ = f.fs.keepTime(f.as, func() error { n, err = f.good.WriteAt(p, off); return err })
				return n, err
			}
		})},
		{"times/truncate-advances", "Truncate does not date the file", onTruncate(func(f *bugFile, size int64) error {
			return f.fs.keepTime(f.as, func() error { return f.good.Truncate(size) })
		})},
		{"times/o-trunc-advances", "O_TRUNC does not date the file", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (f afero.File, err error) {
				if flag&os.O_TRUNC == 0 || !b.isFile(name) {
					return b.good.OpenFile(name, flag, perm)
				}
				_ = b.keepTime(name, func() error { f, err = b.good.OpenFile(name, flag, perm); return err })
				return f, err
			}
		}},
		{"times/read-does-not-advance", "Stat dates the file", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if err == nil && !fi.IsDir() && time.Since(fi.ModTime()) > time.Hour {
					b.touched(name, fi.ModTime().Add(time.Second))
				}
				return fi, err
			}
		}},
		{"times/create-is-now", "what was made is dated 1970 when it is closed", onFile(func(f *bugFile) {
			f.close = func() error {
				if f.flag&os.O_CREATE != 0 {
					f.fs.touched(f.as, time.Unix(0, 0))
				}
				return f.good.Close()
			}
		})},
		{"times/dir-advances-on-create", "making a file does not date its directory", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (f afero.File, err error) {
				if flag&os.O_CREATE == 0 {
					return b.good.OpenFile(name, flag, perm)
				}
				_ = b.keepTime(path.Dir(name), func() error { f, err = b.good.OpenFile(name, flag, perm); return err })
				return f, err
			}
		}},
		{"times/dir-advances-on-remove", "removing a file does not date its directory", func(b *bugFs) {
			b.remove = func(name string) error {
				return b.keepTime(path.Dir(name), func() error { return b.good.Remove(name) })
			}
		}},
	}
}

type timeInfo struct{ fs.FileInfo }

func (timeInfo) ModTime() time.Time { return time.Now().Add(time.Hour) }

// onNames changes every name before anything is done with it.
func onNames(change func(name string) string) func(b *bugFs) {
	return func(b *bugFs) {
		g := b.good
		b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
			return g.OpenFile(change(name), flag, perm)
		}
		b.mkdir = func(name string, perm os.FileMode) error { return g.Mkdir(change(name), perm) }
		b.mkdirAll = func(name string, perm os.FileMode) error { return g.MkdirAll(change(name), perm) }
		b.remove = func(name string) error { return g.Remove(change(name)) }
		b.removeAll = func(name string) error { return g.RemoveAll(change(name)) }
		b.rename = func(from, to string) error { return g.Rename(change(from), change(to)) }
		b.stat = func(name string) (fs.FileInfo, error) { return g.Stat(change(name)) }
	}
}

func nameBugs() []bug {
	return []bug{
		{"names/nul-refused", "a name ends at a NUL byte", onNames(func(name string) string {
			name, _, _ = strings.Cut(name, "\x00")
			return name
		})},
		{"names/too-long-is-error-not-truncation", "a name that is too long is cut", onNames(func(name string) string {
			if base := path.Base(name); len(base) > 255 {
				return path.Join(path.Dir(name), base[:255])
			}
			return name
		})},
		{"names/case-distinct", "capitals do not count", onNames(strings.ToLower)},
		{"names/forms-distinct", "the form of Unicode does not count", onNames(composed)},
		{"names/path-64-deep", "a path of more than 32 names does not open", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return strings.Count(name, "/") > 32 }, fs.ErrInvalid)
		}},
		{"names/url-escaped-is-literal", "names are decoded like addresses", onNames(func(name string) string {
			return strings.NewReplacer("%20", " ", "%2F", "/", "%2f", "/").Replace(name)
		})},
		{"paths/unclean-stat", "Stat knows clean paths alone", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				if name != path.Clean(name) && strings.HasPrefix(name, "/") && !strings.HasSuffix(name, "/") {
					return nil, pathError("stat", name, fs.ErrNotExist)
				}
				return b.good.Stat(name)
			}
		}},
		{"paths/unclean-remove", "Remove knows clean paths alone", func(b *bugFs) {
			b.remove = func(name string) error {
				if name != path.Clean(name) && !strings.HasSuffix(name, "/") {
					return pathError("remove", name, fs.ErrNotExist)
				}
				return b.good.Remove(name)
			}
		}},
		{"paths/unclean-rename", "Rename does not know dots", onRename(func(b *bugFs, from, to string) error {
			if strings.Contains(from+to, "/./") && path.Clean(from) != path.Clean(to) {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrNotExist}
			}
			return b.good.Rename(from, to)
		})},
		{"paths/unclean-mkdir", "Mkdir knows clean paths alone", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				if name != path.Clean(name) && !strings.HasSuffix(name, "/") && strings.HasPrefix(name, "/") {
					return pathError("mkdir", name, fs.ErrNotExist)
				}
				return b.good.Mkdir(name, perm)
			}
		}},
		{"paths/unclean-chtimes", "Chtimes knows clean paths alone", func(b *bugFs) {
			b.chtimes = func(name string, a, m time.Time) error {
				if name != path.Clean(name) {
					return pathError("chtimes", name, fs.ErrNotExist)
				}
				return b.good.Chtimes(name, a, m)
			}
		}},
		{"paths/dot-is-the-root", "a single dot is not the root", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return name == "." }, fs.ErrNotExist)
		}},
		{"paths/dotdot-at-root-stays", "two dots at the root are above it", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if strings.HasPrefix(name, "/..") {
					return os.Open(b.good.dir + name)
				}
				return b.good.OpenFile(name, flag, perm)
			}
		}},
		{"paths/dotdot-goes-up", "two dots take away the last name of that spelling", onNames(func(name string) string {
			if before, after, ok := strings.Cut(name, "/../"); ok {
				return before + "/" + after
			}
			return name
		})},
		{"paths/very-long-path", "a very long path is cut", onNames(func(name string) string {
			if len(name) > 4000 {
				return path.Clean(name[:4000])
			}
			return name
		})},
		{"paths/absolute-equals-relative", "relative names are below another directory", onNames(func(name string) string {
			if !strings.HasPrefix(name, "/") && name != "" && name != "." && !strings.HasPrefix(name, "..") {
				return "/relative " + name
			}
			return name
		})},
	}
}
