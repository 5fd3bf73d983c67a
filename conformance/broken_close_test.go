package conformance

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

func syncAndNameBugs() []bug {
	return []bug{
		{"sync/after-write", "Sync loses the last byte", onFile(func(f *bugFile) {
			f.sync = func() error {
				if writable(f.flag) {
					_ = f.good.Truncate(max(f.size()-1, 0))
				}
				return f.good.Sync()
			}
		})},
		{"sync/on-directory-no-crash", "Sync of a directory panics", onDir(func(f *bugFile) {
			f.sync = func() error { panic("nil client") }
		})},
		{"sync/on-read-only-handle-no-crash", "Sync of a reader panics", onFile(func(f *bugFile) {
			f.sync = func() error {
				if !writable(f.flag) {
					panic("nil buffer")
				}
				return f.good.Sync()
			}
		})},
		{"name/as-opened", "a file is named by the last part of its name", onFile(func(f *bugFile) {
			f.name = func() string { return "f" }
		})},
		{"name/as-opened-dir", "the name of a directory ends in a slash", onDir(func(f *bugFile) {
			f.name = func() string { return f.as + "/" }
		})},
		{"name/after-rename-unchanged", "the name of an open file follows a rename", func(b *bugFs) {
			moved := map[string]string{}
			b.rename = func(from, to string) error { moved[from] = to; return b.good.Rename(from, to) }
			b.opened = func(f *bugFile) {
				f.name = func() string {
					if to, ok := moved[f.as]; ok {
						return to
					}
					return f.as
				}
			}
		}},
		{"name/base-name-in-FileInfo", "Stat gives the whole path as the name", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				return namedInfo{fi, name}, err
			}
		}},
		{"name/fs-name-non-empty", "the file system has no name", func(b *bugFs) { b.name = func() string { return "" } }},
	}
}

type namedInfo struct {
	fs.FileInfo
	name string
}

func (i namedInfo) Name() string { return i.name }

// afterClose makes single methods work, or seem to, on a closed file.
func afterClose(change func(f *bugFile, closed *bool)) func(b *bugFs) {
	return func(b *bugFs) {
		b.opened = func(f *bugFile) {
			closed := new(bool)
			f.close = func() error { *closed = true; return f.good.Close() }
			change(f, closed)
		}
	}
}

func closeBugs() []bug {
	list := []bug{
		{"close/twice", "a second Close goes well", afterClose(func(f *bugFile, closed *bool) {
			f.close = func() error {
				if *closed {
					return nil
				}
				*closed = true
				return f.good.Close()
			}
		})},
		{"close/twice-directory-no-crash", "a second Close of a directory panics", onDir(func(f *bugFile) {
			f.close = func() error {
				err := f.good.Close()
				if errors.Is(err, fs.ErrClosed) {
					panic("nil entries")
				}
				return err
			}
		})},
		{"close/name-still-works", "a closed file has no name", afterClose(func(f *bugFile, closed *bool) {
			f.name = func() string {
				if *closed {
					return ""
				}
				return f.good.Name()
			}
		})},
		{"close/idle-close-changes-nothing", "to close a file that nothing was written to empties it", onFile(func(f *bugFile) {
			idle := writable(f.flag) && !f.appends()
			f.write = func(p []byte) (int, error) { idle = false; return f.good.Write(p) }
			f.writeAt = func(p []byte, off int64) (int, error) { idle = false; return f.good.WriteAt(p, off) }
			f.writeString = func(s string) (int, error) { idle = false; return f.good.WriteString(s) }
			f.truncate = func(size int64) error { idle = false; return f.good.Truncate(size) }
			f.close = func() error {
				if idle {
					_ = f.good.Truncate(0)
				}
				return f.good.Close()
			}
		})},
	}
	late := func(id string, change func(f *bugFile, closed *bool)) {
		list = append(list, bug{"close/then-" + id, id + " on a closed file goes well", afterClose(change)})
	}
	late("read", func(f *bugFile, closed *bool) {
		f.read = func(p []byte) (int, error) {
			if *closed {
				return 0, io.EOF
			}
			return f.good.Read(p)
		}
	})
	late("readat", func(f *bugFile, closed *bool) {
		f.readAt = func(p []byte, off int64) (int, error) {
			if *closed {
				return 0, io.EOF
			}
			return f.good.ReadAt(p, off)
		}
	})
	late("write", func(f *bugFile, closed *bool) {
		f.write = func(p []byte) (int, error) {
			if *closed {
				return len(p), nil
			}
			return f.good.Write(p)
		}
	})
	late("writeat", func(f *bugFile, closed *bool) {
		f.writeAt = func(p []byte, off int64) (int, error) {
			if *closed {
				f.aside(string(p), off)
				return len(p), nil
			}
			return f.good.WriteAt(p, off)
		}
	})
	late("writestring", func(f *bugFile, closed *bool) {
		f.writeString = func(s string) (int, error) {
			if *closed {
				return len(s), nil
			}
			return f.good.WriteString(s)
		}
	})
	late("seek", func(f *bugFile, closed *bool) {
		f.seek = func(off int64, whence int) (int64, error) {
			if *closed {
				return off, nil
			}
			return f.good.Seek(off, whence)
		}
	})
	late("sync", func(f *bugFile, closed *bool) {
		f.sync = func() error {
			if *closed {
				return nil
			}
			return f.good.Sync()
		}
	})
	late("stat", func(f *bugFile, closed *bool) {
		f.stat = func() (fs.FileInfo, error) {
			if *closed {
				return f.fs.good.Stat(f.as)
			}
			return f.good.Stat()
		}
	})
	late("readdir", func(f *bugFile, closed *bool) {
		f.readdir = func(n int) ([]fs.FileInfo, error) {
			if *closed {
				return nil, nil
			}
			return f.good.Readdir(n)
		}
	})
	late("readdirnames", func(f *bugFile, closed *bool) {
		f.readdirnames = func(n int) ([]string, error) {
			if *closed {
				return nil, nil
			}
			return f.good.Readdirnames(n)
		}
	})
	return append(list, bug{"truncate/closed", "Truncate works on a closed file", afterClose(func(f *bugFile, closed *bool) {
		f.truncate = func(size int64) error {
			if *closed {
				return os.Truncate(f.fs.good.real(f.as), size)
			}
			return f.good.Truncate(size)
		}
	})})
}
