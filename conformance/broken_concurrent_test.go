package conformance

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/afero"
)

// A meeting makes goroutines run into each other in the same place: whoever
// comes first waits for another, but not for long.
type meeting chan struct{}

// meet reports whether another one came.
func (m meeting) meet() bool {
	late := time.NewTimer(100 * time.Millisecond)
	defer late.Stop()
	select {
	case m <- struct{}{}:
	case <-m:
	case <-late.C:
		return false
	}
	return true
}

// linger lets others come in between.
func linger() { <-time.After(time.Millisecond) }

func concurrentBugs() []bug {
	return []bug{
		{"concurrent/mkdir-one-wins", "Mkdir looks first and makes then", func(b *bugFs) {
			m := make(meeting)
			b.mkdir = func(name string, perm os.FileMode) error {
				if !b.missing(name) || b.missing("/") {
					return b.good.Mkdir(name, perm)
				}
				m.meet()
				if err := b.good.Mkdir(name, perm); !errors.Is(err, fs.ErrExist) {
					return err
				}
				return nil
			}
		}},
		{"concurrent/excl-one-wins", "O_EXCL looks first and makes then", func(b *bugFs) {
			m := make(meeting)
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if flag&os.O_EXCL != 0 && b.missing(name) {
					m.meet()
					flag &^= os.O_EXCL
				}
				return b.good.OpenFile(name, flag, perm)
			}
		}},
		{"concurrent/remove-one-wins", "Remove looks first and removes then", func(b *bugFs) {
			m := make(meeting)
			b.remove = func(name string) error {
				if !b.isFile(name) {
					return b.good.Remove(name)
				}
				m.meet()
				if err := b.good.Remove(name); !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				return nil
			}
		}},
		{"concurrent/rename-one-wins", "Rename is a copy and a removal", onMeetingRename(func(b *bugFs, m meeting, from, to string) error {
			if !b.isFile(from) || !b.missing(to) {
				return b.good.Rename(from, to)
			}
			m.meet()
			b.copyTree(from, to, 0)
			_ = b.good.Remove(from)
			return nil
		})},
		{"concurrent/close-one-wins", "Close closes as often as it is called", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				m := make(meeting)
				f.close = func() error {
					if f.isDir() || !writable(f.flag) {
						return f.good.Close()
					}
					m.meet()
					if err := f.good.Close(); !errors.Is(err, fs.ErrClosed) {
						return err
					}
					return nil
				}
			}
		}},
		{"concurrent/mkdirall-all-win", "MkdirAll minds that another one was faster", func(b *bugFs) {
			m := make(meeting)
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if b.missing(name) {
					m.meet()
					if !b.missing("/" + name[1:2]) {
						return pathError("mkdir", name, fs.ErrExist)
					}
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"concurrent/create-different-all-win", "of two files that are made at once both are lost", func(b *bugFs) {
			m := make(meeting)
			b.opened = func(f *bugFile) {
				if f.flag&os.O_CREATE == 0 || !m.meet() {
					return
				}
				f.close = func() error {
					_ = b.good.Remove(f.as)
					return f.good.Close()
				}
			}
		}},
		{"concurrent/open-all-win", "four can open a file at a time", func(b *bugFs) {
			var mu sync.Mutex
			open := 0
			b.refuseNames(func(string) bool { mu.Lock(); defer mu.Unlock(); return open >= 4 }, fs.ErrPermission)
			b.opened = func(f *bugFile) {
				mu.Lock()
				open++
				mu.Unlock()
				f.read = func(p []byte) (int, error) { linger(); return f.good.Read(p) }
				f.close = func() error { mu.Lock(); open--; mu.Unlock(); return f.good.Close() }
			}
		}},
		{"concurrent/removeall-all-win", "RemoveAll minds that another one was faster", func(b *bugFs) {
			m := make(meeting)
			b.removeAll = func(name string) error {
				if b.missing(name) {
					return nil
				}
				m.meet()
				if b.missing(name) {
					return pathError("removeall", name, fs.ErrNotExist)
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"concurrent/rename-over-readers-see-old-or-new", "a rename over a file removes that first", func(b *bugFs) {
			m := make(meeting)
			b.rename = func(from, to string) error {
				if b.isFile(from) && b.isFile(to) {
					_ = b.good.Remove(to)
					m.meet()
				}
				return b.good.Rename(from, to)
			}
			b.open = func(name string) (afero.File, error) {
				if b.missing(name) {
					m.meet()
				}
				return b.good.Open(name)
			}
		}},
		{"concurrent/append-loses-nothing", "appending is going to the end and writing there", onFile(func(f *bugFile) {
			if !f.appends() {
				return
			}
			f.write = func(p []byte) (int, error) {
				end := f.size()
				linger()
				f.aside(string(p), end)
				return len(p), nil
			}
			f.writeString = func(s string) (int, error) { return f.write([]byte(s)) }
		})},
		{"concurrent/writeat-disjoint", "WriteAt goes there, writes, and goes back", onFile(func(f *bugFile) {
			f.writeAt = func(p []byte, off int64) (int, error) {
				if off < 0 || f.appends() {
					return f.good.WriteAt(p, off)
				}
				back := f.at()
				f.move(off)
				linger()
				n, err := f.good.Write(p)
				f.move(back)
				return n, err
			}
		})},
		{"concurrent/readat-while-reading", "ReadAt goes there, reads, and goes back to where nobody expects it", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				if off >= 0 {
					back := f.at()
					f.move(off)
					linger()
					defer f.move(back)
				}
				return f.good.ReadAt(p, off)
			}
			f.read = func(p []byte) (int, error) {
				linger()
				return f.good.Read(p[:min(len(p), 40)])
			}
		})},
		{"concurrent/same-file-writers-then-stat", "what several write at once is strung together", onFile(func(f *bugFile) {
			if !writable(f.flag) || f.flag&os.O_TRUNC == 0 {
				return
			}
			f.writeString = func(s string) (int, error) { return f.write([]byte(s)) }
			f.write = func(p []byte) (int, error) {
				linger()
				if end := f.size(); end > f.at() && f.at() == 0 {
					f.move(end)
				}
				return f.good.Write(p)
			}
		})},
		{"concurrent/rename-cycle", "a rename locks both names, the first one first", func(b *bugFs) {
			var locks [3]sync.Mutex
			b.rename = func(from, to string) error {
				if len(from) != 2 || len(to) != 2 || from[1] > 'c' || to[1] > 'c' || from == to || b.isDir(from) {
					return b.good.Rename(from, to)
				}
				locks[from[1]-'a'].Lock()
				defer locks[from[1]-'a'].Unlock()
				linger()
				locks[to[1]-'a'].Lock()
				defer locks[to[1]-'a'].Unlock()
				return b.good.Rename(from, to)
			}
		}},
		{"concurrent/close-during-read", "a read on a file that is being closed panics", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				var mu sync.Mutex
				closed := false
				f.close = func() error { mu.Lock(); closed = true; mu.Unlock(); return f.good.Close() }
				f.readAt = func(p []byte, off int64) (int, error) {
					linger()
					mu.Lock()
					defer mu.Unlock()
					if closed {
						panic("nil buffer")
					}
					return f.good.ReadAt(p, off)
				}
			}
		}},
		{"concurrent/create-remove-rename-list-mix", "who lists a directory while something is removed panics", func(b *bugFs) {
			m := make(meeting)
			var removing atomic.Int32
			b.remove = func(name string) error {
				removing.Add(1)
				defer removing.Add(-1)
				m.meet()
				linger()
				return b.good.Remove(name)
			}
			b.opened = func(f *bugFile) {
				f.readdirnames = func(n int) ([]string, error) {
					m.meet()
					if removing.Load() > 0 {
						panic("index out of range")
					}
					return f.good.Readdirnames(n)
				}
			}
		}},
		{"concurrent/mkdirall-removeall", "MkdirAll panics if what it makes is removed meanwhile", func(b *bugFs) {
			m := make(meeting)
			b.mkdirAll = func(name string, perm os.FileMode) error {
				err := b.good.MkdirAll(name, perm)
				m.meet()
				linger()
				if err == nil && b.missing(name) {
					panic("nil parent")
				}
				return err
			}
			b.removeAll = func(name string) error { m.meet(); return b.good.RemoveAll(name) }
		}},
		{"concurrent/rename-dir-while-writing-inside", "a write finds its file by name, and is lost if that is gone", func(b *bugFs) {
			m := make(meeting)
			b.rename = func(from, to string) error {
				err := b.good.Rename(from, to)
				m.meet()
				linger()
				return err
			}
			b.opened = func(f *bugFile) {
				f.writeString = func(s string) (int, error) { return f.write([]byte(s)) }
				f.write = func(p []byte) (int, error) {
					m.meet()
					if b.missing(f.as) {
						return len(p), nil
					}
					return f.good.Write(p)
				}
			}
		}},
		{"concurrent/list-while-creating", "a listing while a file is made lacks an older one", func(b *bugFs) {
			var making atomic.Int32
			b.opened = func(f *bugFile) {
				if f.flag&os.O_CREATE != 0 {
					making.Add(1)
					f.close = func() error {
						linger()
						making.Add(-1)
						return f.good.Close()
					}
				}
				f.readdirnames = func(n int) ([]string, error) {
					names, err := f.good.Readdirnames(n)
					if making.Load() > 0 {
						names = slices.DeleteFunc(names, func(name string) bool { return name == "old1" })
					}
					linger()
					return names, err
				}
			}
		}},
		{"concurrent/read-while-truncating", "who reads while the file is cut gets noise", func(b *bugFs) {
			var mu sync.Mutex
			cutting := false
			b.opened = func(f *bugFile) {
				f.truncate = func(size int64) error {
					mu.Lock()
					cutting = true
					mu.Unlock()
					linger()
					mu.Lock()
					cutting = false
					mu.Unlock()
					return f.good.Truncate(size)
				}
				f.read = func(p []byte) (int, error) {
					linger()
					n, err := f.good.Read(p)
					mu.Lock()
					defer mu.Unlock()
					if cutting && n > 0 {
						p[0] = '!'
					}
					return n, err
				}
			}
		}},
	}
}

func onMeetingRename(rename func(b *bugFs, m meeting, from, to string) error) func(b *bugFs) {
	return func(b *bugFs) {
		m := make(meeting)
		b.rename = func(from, to string) error { return rename(b, m, from, to) }
	}
}
