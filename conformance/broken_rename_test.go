package conformance

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

func errEOF() error { return io.EOF }

// onRename plants a bug in Rename.
func onRename(rename func(b *bugFs, from, to string) error) func(b *bugFs) {
	return func(b *bugFs) {
		b.rename = func(from, to string) error { return rename(b, from, to) }
	}
}

func renameBugs() []bug {
	return []bug{
		{"rename/into-dir", "a rename to another directory leaves the file behind", onRename(func(b *bugFs, from, to string) error {
			isFile := b.isFile(from) && path.Dir(from) == "/" && strings.Count(to, "/") > 2
			err := b.good.Rename(from, to)
			if err == nil && isFile {
				b.copyTree(to, from, 0)
			}
			return err
		})},
		{"rename/over-file", "a rename does not replace", onRename(func(b *bugFs, from, to string) error {
			if b.isFile(from) && b.isFile(to) && path.Clean(from) != path.Clean(to) {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
			}
			return b.good.Rename(from, to)
		})},
		{"rename/same-file", "a rename to the same name removes the file", onRename(func(b *bugFs, from, to string) error {
			err := b.good.Rename(from, to)
			if from == to && b.isFile(from) {
				_ = b.good.Remove(from)
			}
			return err
		})},
		{"rename/same-file-unclean", "a rename to another spelling of the same name removes the file", onRename(func(b *bugFs, from, to string) error {
			err := b.good.Rename(from, to)
			if from != to && path.Clean(from) == path.Clean(to) && err == nil {
				_ = b.good.Remove(from)
			}
			return err
		})},
		{"rename/missing", "a rename of what is missing tells no kind", onRename(func(b *bugFs, from, to string) error {
			if b.missing(from) && b.isDir(path.Dir(to)) {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrInvalid}
			}
			return b.good.Rename(from, to)
		})},
		{"rename/missing-is-LinkError", "the error of a rename tells one path", onRename(func(b *bugFs, from, to string) error {
			err := b.good.Rename(from, to)
			var le *os.LinkError
			if errors.As(err, &le) {
				return pathError("rename", from, le.Err)
			}
			return err
		})},
		{"rename/missing-keeps-target", "the target is removed first", onRename(func(b *bugFs, from, to string) error {
			if b.missing(from) && b.isFile(to) {
				_ = b.good.Remove(to)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/missing-target-parent", "a rename makes the directories on the way", onRename(func(b *bugFs, from, to string) error {
			if !b.missing(from) && !strings.HasPrefix(to, from+"/") && !b.isFile(path.Dir(to)) {
				_ = b.good.MkdirAll(path.Dir(to), 0o755)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/target-under-file", "a rename makes a directory of a file", onRename(func(b *bugFs, from, to string) error {
			if !b.missing(from) {
				b.removeFileOnTheWayOf(to)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/source-under-file", "a rename of something below a file renames the file", onRename(func(b *bugFs, from, to string) error {
			if b.isFile(path.Dir(from)) {
				from = path.Dir(from)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/file-over-empty-dir", "a file replaces an empty directory", onRename(func(b *bugFs, from, to string) error {
			if b.isFile(from) && b.isDir(to) {
				_ = b.good.Remove(to)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/file-over-non-empty-dir", "a file replaces a directory with all in it", onRename(func(b *bugFs, from, to string) error {
			if b.isFile(from) && b.isDir(to) && len(b.names(to)) > 0 && !b.good.isRoot(to) {
				_ = b.good.RemoveAll(to)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/open-reader-keeps-reading", "a renamed file is closed for its readers", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				f.read = func(p []byte) (int, error) {
					if b.missing(f.as) && !writable(f.flag) {
						return 0, pathError("read", f.as, fs.ErrNotExist)
					}
					return f.good.Read(p)
				}
			}
		}},
		{"rename/open-writer-follows", "a writer whose file was renamed makes the old name again", func(b *bugFs) {
			moved := map[string]bool{}
			b.rename = func(from, to string) error { moved[from] = true; return b.good.Rename(from, to) }
			b.opened = func(f *bugFile) {
				f.close = func() error {
					if writable(f.flag) && moved[f.as] && b.missing(f.as) {
						_ = os.WriteFile(b.good.real(f.as), nil, 0o644)
					}
					return f.good.Close()
				}
			}
		}},
		{"rename/over-open-file-keeps-old-reader", "a rename over a file writes into it", onRename(func(b *bugFs, from, to string) error {
			if b.isFile(from) && b.isFile(to) && path.Clean(from) != path.Clean(to) {
				data, _ := os.ReadFile(b.good.real(from))
				was, _ := b.good.Stat(from)
				_ = os.WriteFile(b.good.real(to), data, 0o644)
				_ = b.good.Chmod(to, was.Mode())
				_ = b.good.Chtimes(to, was.ModTime(), was.ModTime())
				return b.good.Remove(from)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/case-only", "names that differ in capitals alone are the same for Rename", onRename(func(b *bugFs, from, to string) error {
			if strings.EqualFold(from, to) && !b.missing(from) {
				return nil
			}
			return b.good.Rename(from, to)
		})},
		{"rename/unicode-form-only", "names that differ in form alone are the same for Rename", onRename(func(b *bugFs, from, to string) error {
			if composed(from) == composed(to) && from != to && !b.missing(from) && path.Clean(from) == from && path.Clean(to) == to {
				return nil
			}
			return b.good.Rename(from, to)
		})},
		{"rename/keeps-content-mode-time", "a rename is a copy", onRename(func(b *bugFs, from, to string) error {
			if b.isFile(from) && b.missing(to) && b.isDir(path.Dir(to)) {
				b.copyTree(from, to, 0)
				return b.good.Remove(from)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/back-and-forth", "the tenth rename of a name loses the file", func(b *bugFs) {
			times := map[string]int{}
			b.rename = func(from, to string) error {
				err := b.good.Rename(from, to)
				if times[from]++; times[from] == 10 {
					_ = b.good.Remove(to)
				}
				return err
			}
		}},
		{"rename/chain", "a name that something was renamed away from cannot be a target", func(b *bugFs) {
			left := map[string]bool{}
			b.rename = func(from, to string) error {
				if left[to] && b.missing(to) && strings.Count(to, "") == 3 {
					return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
				}
				left[from] = true
				return b.good.Rename(from, to)
			}
		}},
		{"rename/dir", "a directory cannot be renamed", onRename(func(b *bugFs, from, to string) error {
			if b.isDir(from) {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrInvalid}
			}
			return b.good.Rename(from, to)
		})},
		{"rename/deep-tree", "a renamed directory takes two levels with it", onRename(func(b *bugFs, from, to string) error {
			if b.isDir(from) && b.missing(to) && b.isDir(path.Dir(path.Clean(to))) && !strings.HasPrefix(to, from+"/") && !b.good.isRoot(from) {
				b.copyTree(from, to, 2)
				return b.good.RemoveAll(from)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/repeated-name-component", "a rename changes the name wherever it comes in a path", onRename(func(b *bugFs, from, to string) error {
			isDir := b.isDir(from) && b.missing(to)
			err := b.good.Rename(from, to)
			if inner := path.Join(to, path.Base(from)); err == nil && isDir && !b.missing(inner) {
				_ = b.good.Rename(inner, path.Join(to, path.Base(to)))
			}
			return err
		})},
		{"rename/prefix-sibling-untouched", "a rename takes along whatever begins like the name", onRename(func(b *bugFs, from, to string) error {
			isDir := b.isDir(from) && b.missing(to) && !strings.HasSuffix(from, "/")
			err := b.good.Rename(from, to)
			for _, sibling := range b.names(path.Dir(from)) {
				if rest, ok := strings.CutPrefix(sibling, path.Base(from)); ok && isDir && err == nil {
					_ = b.good.Rename(path.Join(path.Dir(from), sibling), to+rest)
				}
			}
			return err
		})},
		{"rename/dir-into-itself", "a directory renamed into itself is gone", onRename(func(b *bugFs, from, to string) error {
			if b.isDir(from) && path.Dir(to) == from && !b.good.isRoot(from) {
				return b.good.RemoveAll(from)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/dir-into-grandchild", "a directory renamed deeper into itself is gone", onRename(func(b *bugFs, from, to string) error {
			if b.isDir(from) && strings.HasPrefix(path.Dir(to), from+"/") && !b.good.isRoot(from) {
				return b.good.RemoveAll(from)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/dir-over-empty-dir", "a directory over an empty one loses what it holds", onRename(func(b *bugFs, from, to string) error {
			if b.isDir(from) && b.isDir(to) && len(b.names(to)) == 0 {
				return b.good.RemoveAll(from)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/dir-over-non-empty", "a directory replaces another with all in it", onRename(func(b *bugFs, from, to string) error {
			if b.isDir(from) && b.isDir(to) && path.Clean(from) != path.Clean(to) && !b.good.isRoot(to) && !b.good.isRoot(from) && !strings.HasPrefix(from, to) {
				_ = b.good.RemoveAll(to)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/dir-over-file", "a directory replaces a file", onRename(func(b *bugFs, from, to string) error {
			if b.isDir(from) && b.isFile(to) && !b.good.isRoot(from) {
				_ = b.good.Remove(to)
			}
			return b.good.Rename(from, to)
		})},
		{"rename/trailing-slash-dirs", "a directory with a slash at the end is not found by Rename", onRename(func(b *bugFs, from, to string) error {
			if strings.HasSuffix(from, "/") && from != "/" {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrNotExist}
			}
			return b.good.Rename(from, to)
		})},
		{"rename/root-refused", "the root can be renamed", onRename(func(b *bugFs, from, to string) error {
			if b.good.isRoot(from) {
				return nil
			}
			return b.good.Rename(from, to)
		})},
		{"rename/onto-root-refused", "the root can be replaced", onRename(func(b *bugFs, from, to string) error {
			if b.good.isRoot(to) {
				return b.good.RemoveAll(from)
			}
			return b.good.Rename(from, to)
		})},
	}
}

// composed is good enough a composition for accents on the letter e.
func composed(s string) string { return strings.ReplaceAll(s, "e\u0301", "\u00e9") }
