package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync/atomic"

	"github.com/spf13/afero"
)

// declarationBugs are one for each capability: it is there, though the author
// says that it is not.
func declarationBugs() []trial {
	var list []trial
	for _, p := range probes() {
		declare := Refuses
		if traits()[p.of].words&refusable == 0 {
			declare = Ignores
		}
		list = append(list, trial{
			bug{refusalID(p.of), "it is declared to lack what it has", func(*bugFs) {}},
			[]Option{declare(p.of, "so they say")},
		})
	}
	oneAtATime := bug{"refusals/concurrent", "what was in use by one stays refused to others", func(b *bugFs) {
		var used atomic.Bool
		b.refuseNames(func(name string) bool { return name == "/a" && used.Load() || name == "/b" && used.Swap(true) }, fs.ErrPermission)
	}}
	unlimited := bug{"large/beyond-limit-refused", "a file may be larger than is declared", func(*bugFs) {}}
	return append(list, trial{unlimited, []Option{Within(Limits{FileSize: 1000})}}, trial{oneAtATime, []Option{Refuses(Concurrent, "one at a time")}},
		sealedBug("refusals/writes", func(b *bugFs) { b.chmod = b.good.Chmod }),
		sealedBug("refusals/writes-through-handles", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				f.write = func(p []byte) (int, error) { f.aside(string(p), 0); return len(p), nil }
			}
		}),
		sealedBug("refusals/writing-flags", func(b *bugFs) { b.openFile = b.good.OpenFile }))
}

// sealedBug is about an Fs that can only be read, but for the bug.
func sealedBug(id string, plant func(b *bugFs)) trial {
	return trial{bug{id, "a read-only file system lets something through", func(*bugFs) {}}, []Option{
		ReadOnly(func(tb TB, tr Tree) afero.Fs {
			b := newBugFs(tb)
			for _, name := range tr.Names() {
				if real := b.good.real("/" + name); name[len(name)-1] == '/' {
					_ = os.Mkdir(real, 0o755)
				} else {
					_ = os.WriteFile(real, []byte(tr[name]), 0o644)
				}
			}
			sealed := afero.NewReadOnlyFs(b.good)
			b.openFile, b.mkdir, b.mkdirAll = sealed.OpenFile, sealed.Mkdir, sealed.MkdirAll
			b.remove, b.removeAll, b.rename = sealed.Remove, sealed.RemoveAll, sealed.Rename
			b.chmod, b.chown, b.chtimes = sealed.Chmod, sealed.Chown, sealed.Chtimes
			plant(b)
			return b
		}),
	}}
}

func refusalID(c Capability) string {
	i := slices.IndexFunc(refusalCases(), func(e entry) bool { return e.doc[:len(c.String())+1] == c.String()+" " })
	return refusalCases()[i].id
}

// randomBugs are for the random part. It finds most of the others too.
func randomBugs() []bug {
	return []bug{
		{"model/sequences", "Stat of an empty file says that it has a byte", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if err == nil && !fi.IsDir() {
					return sizeInfo{fi, max(fi.Size(), 1)}, nil
				}
				return fi, err
			}
		}},
		{"model/through-base-path", "a path of four names is missing", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return len(name) > 10 }, fs.ErrNotExist)
		}},
		{"model/reopened-handles", "a file that is opened for writing is cut to four bytes", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				if writable(f.flag) && !f.isDir() && f.size() > 4 {
					_ = f.good.Truncate(4)
				}
			}
		}},
		{"model/round-trip", "what one Write has beyond 20 000 bytes is lost", onWrite(func(f *bugFile, p []byte) (int, error) {
			_, err := f.good.Write(p[:min(len(p), 20_000)])
			return len(p), err
		})},
		{"model/write-order", "WriteAt cuts off what lies behind it", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			_ = f.good.Truncate(off)
			return f.good.WriteAt(p, off)
		})},
		{"model/pages", "pages of seven have six entries", onLists(func(f *bugFile) lister {
			return func(n int) ([]fs.FileInfo, error) {
				infos, err := f.good.Readdir(n)
				return infos[:min(len(infos), max(6, n-1))], err
			}
		})},
		{"model/rename-back", "what is renamed away from the name z is gone", onRename(func(b *bugFs, from, to string) error {
			err := b.good.Rename(from, to)
			if err == nil && path.Base(from) == "z" {
				_ = b.good.RemoveAll(to)
			}
			return err
		})},
		{"model/two-goroutines", "a directory is not made while another one is", func(b *bugFs) {
			var making atomic.Int32
			b.mkdir = func(name string, perm os.FileMode) error {
				defer making.Add(-1)
				if making.Add(1) > 1 {
					return pathError("mkdir", name, fs.ErrPermission)
				}
				linger()
				return b.good.Mkdir(name, perm)
			}
		}},
	}
}

func leakBugs() []bug {
	return []bug{
		{"leaks/goroutines", "every file that is opened has a goroutine that does not end", func(b *bugFs) {
			over := make(chan struct{})
			b.tb.Cleanup(func() { close(over) })
			b.opened = func(*bugFile) { go func() { <-over }() }
		}},
		{"leaks/descriptors", "every directory that is opened stays open", onDir(func(f *bugFile) {
			f.close = func() error {
				f.fs.tb.Cleanup(func() { _ = f.good.Close() })
				return nil
			}
		})},
		{"leaks/temporary-files", "every writer leaves a temporary file", onFile(func(f *bugFile) {
			if writable(f.flag) {
				temp, err := os.CreateTemp("", "bug")
				if err == nil {
					_ = temp.Close()
				}
			}
		})},
	}
}

// A carelessFs is an atomicFs in which one thing can be forgotten.
type carelessFs struct {
	atomicFs
	mkdir  func(name string, perm os.FileMode) error
	remove func(name string) error
	rename func(from, to string) error
	all    func(name string, perm os.FileMode) error
	gone   func(name string) error
	open   func(name string, flag int, perm os.FileMode) (afero.File, error)
}

func (c *carelessFs) Mkdir(name string, perm os.FileMode) error    { return c.mkdir(name, perm) }
func (c *carelessFs) MkdirAll(name string, perm os.FileMode) error { return c.all(name, perm) }
func (c *carelessFs) Remove(name string) error                     { return c.remove(name) }
func (c *carelessFs) RemoveAll(name string) error                  { return c.gone(name) }
func (c *carelessFs) Rename(from, to string) error                 { return c.rename(from, to) }
func (c *carelessFs) Open(name string) (afero.File, error)         { return c.open(name, os.O_RDONLY, 0) }
func (c *carelessFs) Create(name string) (afero.File, error) {
	return c.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}
func (c *carelessFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	return c.open(name, flag, perm)
}

// careless plants a bug in an Fs whose base can break.
func careless(plant func(c *carelessFs)) []Option {
	return []Option{overFaulty(func(base afero.Fs) afero.Fs {
		a := atomicFs{base}
		c := &carelessFs{a, a.Mkdir, a.Remove, a.Rename, a.MkdirAll, a.RemoveAll, a.OpenFile}
		plant(c)
		return c
	})}
}

// inPlace writes to the file itself where some flag is set.
func inPlace(some int) []Option {
	return careless(func(c *carelessFs) {
		c.open = func(name string, flag int, perm os.FileMode) (afero.File, error) {
			if flag&some != 0 {
				return c.Fs.OpenFile(name, flag, perm)
			}
			return c.atomicFs.OpenFile(name, flag, perm)
		}
	})
}

// again makes a call once more if it failed, as if nothing had been done.
func again(call func() error) error {
	if call() == nil {
		return nil
	}
	return call()
}

func faultBugs() []trial {
	none := func(*bugFs) {}
	return []trial{
		{bug{"faults/create", "new files are written in place", none}, inPlace(os.O_EXCL)},
		{bug{"faults/overwrite", "files are rewritten in place", none}, inPlace(os.O_TRUNC)},
		{bug{"faults/append", "appending is done in place", none}, inPlace(os.O_APPEND)},
		{bug{"faults/partial-overwrite", "a change goes to a file that was emptied first", none}, careless(func(c *carelessFs) {
			c.open = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := c.atomicFs.OpenFile(name, flag, perm)
				if err == nil && flag == os.O_WRONLY {
					emptied, err := c.Fs.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
					if err == nil {
						_ = emptied.Close()
					}
				}
				return f, err
			}
		})},
		{bug{"close/reports-late-write-error", "Close does not say that storing failed", none}, careless(func(c *carelessFs) {
			c.open = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := c.atomicFs.OpenFile(name, flag, perm)
				if err == nil && writable(flag) {
					return silentFile{f}, nil
				}
				return f, err
			}
		})},
		{bug{"faults/read", "a read that breaks is the end", none}, careless(func(c *carelessFs) {
			c.open = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := c.atomicFs.OpenFile(name, flag, perm)
				if err == nil && !writable(flag) {
					return deafFile{f}, nil
				}
				return f, err
			}
		})},
		{bug{"faults/list", "a listing that breaks is the end", none}, careless(func(c *carelessFs) {
			c.open = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := c.atomicFs.OpenFile(name, flag, perm)
				if err == nil && !writable(flag) {
					return deafDir{f}, nil
				}
				return f, err
			}
		})},
		{bug{"faults/rename", "a rename that broke is done again, and then the file is missing", none}, careless(func(c *carelessFs) {
			c.rename = func(from, to string) error { return again(func() error { return c.Fs.Rename(from, to) }) }
		})},
		{bug{"faults/rename-over", "the target is removed before a rename", none}, careless(func(c *carelessFs) {
			c.rename = func(from, to string) error {
				if err := c.Fs.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				return c.Fs.Rename(from, to)
			}
		})},
		{bug{"faults/rename-tree", "a directory is renamed file by file", none}, careless(func(c *carelessFs) {
			c.rename = func(from, to string) error {
				if path.Base(from) != "tree" {
					return c.Fs.Rename(from, to)
				}
				err := c.Fs.Mkdir(to, 0o755)
				for _, name := range []string{"1", "sub"} {
					if err == nil {
						err = c.Fs.Rename(path.Join(from, name), path.Join(to, name))
					}
				}
				return errors.Join(err, c.Fs.Remove(from))
			}
		})},
		{bug{"faults/remove", "a removal that broke is done again, and then the file is missing", none}, careless(func(c *carelessFs) {
			c.remove = func(name string) error { return again(func() error { return c.Fs.Remove(name) }) }
		})},
		{bug{"faults/remove-tree", "a removal of a tree that breaks went well", none}, careless(func(c *carelessFs) {
			c.gone = func(name string) error { _ = c.Fs.RemoveAll(name); return nil }
		})},
		{bug{"faults/mkdirall", "a MkdirAll that breaks went well", none}, careless(func(c *carelessFs) {
			c.all = func(name string, perm os.FileMode) error { _ = c.Fs.MkdirAll(name, perm); return nil }
		})},
	}
}

// A silentFile closes well, whatever happens.
type silentFile struct{ afero.File }

func (f silentFile) Close() error { _ = f.File.Close(); return nil }

// A deafFile takes every error for the end of the file.
type deafFile struct{ afero.File }

func (f deafFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if err != nil {
		err = errEOF()
	}
	return n, err
}

// A deafDir takes every error for the end of the listing.
type deafDir struct{ afero.File }

func (f deafDir) Readdirnames(n int) ([]string, error) {
	names, err := f.File.Readdirnames(n)
	if err != nil {
		err = errEOF()
	}
	return names, err
}
