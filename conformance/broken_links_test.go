package conformance

import (
	"errors"
	"io/fs"
	"os"
)

func linkBugs() []bug {
	return []bug{
		{"links/make", "a link replaces what is there", func(b *bugFs) {
			b.symlink = func(target, name string) error {
				if b.isFile(name) {
					_ = b.good.Remove(name)
				}
				return b.good.SymlinkIfPossible(target, name)
			}
		}},
		{"links/read", "Readlink of a file is the file", func(b *bugFs) {
			b.readlink = func(name string) (string, error) {
				target, err := b.good.ReadlinkIfPossible(name)
				if err != nil && b.isFile(name) {
					return name, nil
				}
				return target, err
			}
		}},
		{"links/lstat", "Lstat of a link to a directory is the directory", func(b *bugFs) {
			b.lstat = func(name string) (fs.FileInfo, bool, error) {
				if b.isDir(name) {
					fi, err := b.good.Stat(name)
					return fi, true, err
				}
				return b.good.LstatIfPossible(name)
			}
		}},
		{"links/stat-follows", "Stat is Lstat", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, _, err := b.good.LstatIfPossible(name)
				if err != nil || !fi.Mode().IsRegular() && fi.Mode()&fs.ModeSymlink == 0 {
					return b.good.Stat(name)
				}
				return fi, err
			}
		}},
		{"links/dangling", "a link to nothing cannot be made", func(b *bugFs) {
			b.symlink = func(target, name string) error {
				if b.missing(target) && target != "/b" {
					return pathError("symlink", target, fs.ErrNotExist)
				}
				return b.good.SymlinkIfPossible(target, name)
			}
		}},
		{"links/chain", "a write through a link to a link replaces the link", func(b *bugFs) {
			b.onCreate(func(name string, _ int, _ os.FileMode) {
				target, err := b.good.ReadlinkIfPossible(name)
				if _, further := b.good.ReadlinkIfPossible(target); err == nil && further == nil {
					_ = b.good.Remove(name)
				}
			})
		}},
		{"links/cycle-is-an-error", "links in a circle are the root", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if _, link := b.good.ReadlinkIfPossible(name); err != nil && link == nil && !errors.Is(err, fs.ErrNotExist) {
					return b.good.Stat("/")
				}
				return fi, err
			}
		}},
		{"links/remove-removes-the-link", "RemoveAll of a link removes what it points to", func(b *bugFs) {
			b.removeAll = func(name string) error {
				if target, err := b.good.ReadlinkIfPossible(name); err == nil {
					_ = b.good.RemoveAll(target)
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"links/rename-the-link", "a rename of a link moves what it points to", onRename(func(b *bugFs, from, to string) error {
			if target, err := b.good.ReadlinkIfPossible(from); err == nil {
				_ = b.good.Remove(from)
				from = target
			}
			return b.good.Rename(from, to)
		})},
		{"links/through-directory-link", "names below a link are not found", func(b *bugFs) {
			b.refuseNames(func(name string) bool {
				_, err := b.good.ReadlinkIfPossible("/l")
				return err == nil && len(name) > 3 && name[:3] == "/l/"
			}, fs.ErrNotExist)
		}},
	}
}
