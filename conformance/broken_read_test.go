package conformance

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// onFile plants a bug in every file that is opened, but not in directories.
func onFile(change func(f *bugFile)) func(b *bugFs) {
	return func(b *bugFs) {
		b.opened = func(f *bugFile) {
			if !f.isDir() {
				change(f)
			}
		}
	}
}

// onDir plants a bug in every directory that is opened.
func onDir(change func(f *bugFile)) func(b *bugFs) {
	return func(b *bugFs) {
		b.opened = func(f *bugFile) {
			if f.isDir() {
				change(f)
			}
		}
	}
}

func (f *bugFile) appends() bool { return f.flag&os.O_APPEND != 0 }

// at is the place in the file.
func (f *bugFile) at() int64 {
	n, _ := f.good.Seek(0, io.SeekCurrent)
	return n
}

func (f *bugFile) move(to int64) { _, _ = f.good.Seek(to, io.SeekStart) }

// aside writes past whatever the handle would say to it.
func (f *bugFile) aside(p string, off int64) {
	w, err := os.OpenFile(f.fs.good.real(f.as), os.O_WRONLY, 0)
	if err != nil {
		return
	}
	_, _ = w.WriteAt([]byte(p), off)
	_ = w.Close()
}

func readBugs() []bug {
	return []bug{
		{"read/empty-buffer", "an empty buffer skips a byte", onFile(func(f *bugFile) {
			f.read = func(p []byte) (int, error) {
				if len(p) == 0 {
					f.move(f.at() + 1)
				}
				return f.good.Read(p)
			}
		})},
		{"read/eof-on-empty", "an empty file gives nothing at first, without io.EOF", onFile(func(f *bugFile) {
			asked := false
			f.read = func(p []byte) (int, error) {
				if first := !asked; first && f.size() == 0 {
					asked = true
					return 0, nil
				}
				return f.good.Read(p)
			}
		})},
		{"read/eof-sticky", "after the end it begins again", onFile(func(f *bugFile) {
			f.read = func(p []byte) (int, error) {
				n, err := f.good.Read(p)
				if errors.Is(err, io.EOF) {
					f.move(0)
				}
				return n, err
			}
		})},
		{"read/small-buffers", "reads of three bytes lose one", onFile(func(f *bugFile) {
			f.read = func(p []byte) (int, error) {
				n, err := f.good.Read(p)
				if len(p) == 3 && n == 3 {
					f.move(f.at() + 1)
				}
				return n, err
			}
		})},
		{"read/byte-by-byte", "single bytes come twice", onFile(func(f *bugFile) {
			again := false
			f.read = func(p []byte) (int, error) {
				if again = len(p) == 1 && !again; again {
					defer func(at int64) { f.move(at) }(f.at())
				}
				return f.good.Read(p)
			}
		})},
		{"read/directory", "a directory reads as an empty file", onDir(func(f *bugFile) {
			f.read = func([]byte) (int, error) { return 0, io.EOF }
		})},
		{"read/sees-growth", "a reader ends where the file ended when it was opened", onFile(func(f *bugFile) {
			end := f.size()
			f.read = func(p []byte) (int, error) {
				if f.at() >= end && !writable(f.flag) {
					return 0, io.EOF
				}
				return f.good.Read(p)
			}
		})},
		{"read/short-read-is-not-eof", "a read of 4096 bytes says io.EOF", onFile(func(f *bugFile) {
			f.read = func(p []byte) (int, error) {
				if len(p) < 4096 {
					return f.good.Read(p)
				}
				n, err := f.good.Read(p[:4096])
				return n, errors.Join(err, io.EOF)
			}
		})},
		{"read/after-failed-read-offset-unchanged", "a ReadAt that fails goes to the start", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				n, err := f.good.ReadAt(p, off)
				if err != nil && off < 0 {
					f.move(0)
				}
				return n, err
			}
		})},
		{"readat/basic", "ReadAt comes a byte late", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				if off > 0 {
					off++
				}
				return f.good.ReadAt(p, off)
			}
		})},
		{"readat/short-is-eof", "a ReadAt that is cut short says nothing", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				n, err := f.good.ReadAt(p, off)
				if n > 0 {
					err = nil
				}
				return n, err
			}
		})},
		{"readat/at-end", "ReadAt at the end is an error like others", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				if off == f.size() && len(p) > 0 {
					return 0, pathError("read", f.as, fs.ErrInvalid)
				}
				return f.good.ReadAt(p, off)
			}
		})},
		{"readat/past-end", "ReadAt beyond the end is an error like others", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				if off > f.size() {
					return 0, pathError("read", f.as, fs.ErrInvalid)
				}
				return f.good.ReadAt(p, off)
			}
		})},
		{"readat/negative", "ReadAt at a negative offset panics", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				if off < 0 {
					panic("slice bounds out of range")
				}
				return f.good.ReadAt(p, off)
			}
		})},
		{"readat/leaves-offset", "ReadAt is Seek and Read", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				n, err := f.good.ReadAt(p, off)
				if err == nil {
					f.move(off + int64(n))
				}
				return n, err
			}
		})},
		{"readat/concurrent", "ReadAt goes there, reads, and goes back", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				if off < 0 {
					return f.good.ReadAt(p, off)
				}
				back := f.at()
				f.move(off)
				runtime.Gosched()
				n, err := io.ReadFull(f.good, p)
				if errors.Is(err, io.ErrUnexpectedEOF) {
					err = io.EOF
				}
				f.move(back)
				return n, err
			}
		})},
		{"readat/on-directory", "ReadAt on a directory says that it went well", onDir(func(f *bugFile) {
			f.readAt = func([]byte, int64) (int, error) { return 0, nil }
		})},
		{"readat/zero-length", "ReadAt into an empty buffer is at the end", onFile(func(f *bugFile) {
			f.readAt = func(p []byte, off int64) (int, error) {
				if len(p) == 0 {
					return 0, io.EOF
				}
				return f.good.ReadAt(p, off)
			}
		})},
	}
}
