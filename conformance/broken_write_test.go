package conformance

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// onWrite plants a bug in Write, and so in WriteString.
func onWrite(write func(f *bugFile, p []byte) (int, error)) func(b *bugFs) {
	return onFile(func(f *bugFile) {
		f.write = func(p []byte) (int, error) { return write(f, p) }
		f.writeString = func(s string) (int, error) { return write(f, []byte(s)) }
	})
}

func onWriteAt(writeAt func(f *bugFile, p []byte, off int64) (int, error)) func(b *bugFs) {
	return onFile(func(f *bugFile) {
		f.writeAt = func(p []byte, off int64) (int, error) { return writeAt(f, p, off) }
	})
}

func onTruncate(truncate func(f *bugFile, size int64) error) func(b *bugFs) {
	return onFile(func(f *bugFile) {
		f.truncate = func(size int64) error { return truncate(f, size) }
	})
}

// tail is what lies behind a place, in a file that is not large.
func (f *bugFile) tail(from int64) []byte {
	if f.size() > 1<<20 {
		return nil
	}
	data, err := os.ReadFile(f.fs.good.real(f.as))
	if err != nil || from < 0 || from > int64(len(data)) {
		return nil
	}
	return data[from:]
}

func appendBugs() []bug {
	return []bug{
		{"append/two-handles", "an appender remembers where the end was", onFile(func(f *bugFile) {
			if !f.appends() || !writable(f.flag) {
				return
			}
			end := f.size()
			f.write = func(p []byte) (int, error) {
				f.aside(string(p), end)
				end += int64(len(p))
				f.move(end)
				return len(p), nil
			}
		})},
		{"append/read-starts-at-0", "a file opened for appending is read from its end", onFile(func(f *bugFile) {
			if f.appends() {
				f.move(f.size())
			}
		})},
		{"append/writeat-refused", "WriteAt works on an appender", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			if f.appends() && off >= 0 && writable(f.flag) {
				f.aside(string(p), off)
				return len(p), nil
			}
			return f.good.WriteAt(p, off)
		})},
		{"append/after-truncate", "an appender goes on where the end was before it was cut", onFile(func(f *bugFile) {
			cut := int64(-1)
			f.truncate = func(size int64) error {
				if f.appends() {
					cut = f.size()
				}
				return f.good.Truncate(size)
			}
			f.write = func(p []byte) (int, error) {
				if cut > f.size() {
					_ = f.good.Truncate(cut)
				}
				return f.good.Write(p)
			}
		})},
		{"append/offset-after-write", "an append does not move", onWrite(func(f *bugFile, p []byte) (int, error) {
			if f.appends() {
				defer func(at int64) { f.move(at) }(f.at())
			}
			return f.good.Write(p)
		})},
		{"append/read-back", "what was appended is not read through the same handle", onFile(func(f *bugFile) {
			end := f.size()
			f.read = func(p []byte) (int, error) {
				left := end - f.at()
				if !f.appends() || left > int64(len(p)) {
					return f.good.Read(p)
				}
				if left <= 0 {
					return 0, io.EOF
				}
				return f.good.Read(p[:left])
			}
		})},
		{"writeat/on-append-handle", "WriteAt on an appender empties the file first", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			if f.appends() && writable(f.flag) {
				_ = f.good.Truncate(0)
			}
			return f.good.WriteAt(p, off)
		})},
	}
}

func writeBugs() []bug {
	return []bug{
		{"write/string", "WriteString ends the line", onFile(func(f *bugFile) {
			f.writeString = func(s string) (int, error) {
				n, err := f.good.WriteString(s + "\n")
				return min(n, len(s)), err
			}
		})},
		{"write/empty", "to write nothing cuts the file", onWrite(func(f *bugFile, p []byte) (int, error) {
			if len(p) == 0 && writable(f.flag) {
				_ = f.good.Truncate(f.at())
			}
			return f.good.Write(p)
		})},
		{"write/overwrite-middle", "a write cuts off what lies behind it", onWrite(func(f *bugFile, p []byte) (int, error) {
			n, err := f.good.Write(p)
			if err == nil && n > 0 {
				_ = f.good.Truncate(f.at())
			}
			return n, err
		})},
		{"write/returns-full-count", "a write of more than ten bytes says that it wrote ten", onWrite(func(f *bugFile, p []byte) (int, error) {
			n, err := f.good.Write(p)
			return min(n, 10), err
		})},
		{"write/short-count-has-error", "a handle that cannot write says that it wrote nothing, and no error", onWrite(func(f *bugFile, p []byte) (int, error) {
			if !writable(f.flag) {
				return 0, nil
			}
			return f.good.Write(p)
		})},
		{"write/does-not-keep-buffer", "the buffer is looked at again on Close", onFile(func(f *bugFile) {
			var kept []byte
			var at int64
			f.write = func(p []byte) (int, error) { kept, at = p, f.at(); return f.good.Write(p) }
			f.close = func() error { _, _ = f.good.WriteAt(kept, at); return f.good.Close() }
		})},
		{"write/does-not-change-buffer", "a write uses the buffer for its own ends", onFile(func(f *bugFile) {
			f.write = func(p []byte) (int, error) {
				n, err := f.good.Write(p)
				clear(p[:min(1, len(p))])
				return n, err
			}
		})},
		{"write/own-reads-see-it", "a handle reads what it wrote only after Sync", onFile(func(f *bugFile) {
			dirty := false
			f.write = func(p []byte) (int, error) { dirty = true; return f.good.Write(p) }
			f.sync = func() error { dirty = false; return f.good.Sync() }
			f.read = func(p []byte) (int, error) {
				if dirty && readable(f.flag) {
					return 0, io.EOF
				}
				return f.good.Read(p)
			}
		})},
		{"write/visible-after-sync", "writes are kept back until Close or another call", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				if !writable(f.flag) || f.isDir() {
					return
				}
				var pending []byte
				flush := func() error {
					_, err := f.good.Write(pending)
					pending = nil
					return err
				}
				f.write = func(p []byte) (int, error) { pending = append(pending, p...); return len(p), nil }
				f.writeString = func(s string) (int, error) { return f.write([]byte(s)) }
				f.read = func(p []byte) (int, error) { return then(flush, func() (int, error) { return f.good.Read(p) }) }
				f.readAt = func(p []byte, off int64) (int, error) {
					return then(flush, func() (int, error) { return f.good.ReadAt(p, off) })
				}
				f.writeAt = func(p []byte, off int64) (int, error) {
					return then(flush, func() (int, error) { return f.good.WriteAt(p, off) })
				}
				f.seek = func(off int64, whence int) (int64, error) {
					return then(flush, func() (int64, error) { return f.good.Seek(off, whence) })
				}
				f.stat = func() (fs.FileInfo, error) { return then(flush, f.good.Stat) }
				f.truncate = func(size int64) error { return errors.Join(flush(), f.good.Truncate(size)) }
				f.close = func() error { return errors.Join(flush(), f.good.Close()) }
			}
		}},
		{"write/own-stat-sees-size", "Stat of a handle tells how it was when it was opened", onFile(func(f *bugFile) {
			fi, err := f.good.Stat()
			f.stat = func() (fs.FileInfo, error) {
				if _, gone := f.good.Stat(); gone != nil {
					return nil, gone
				}
				return fi, err
			}
		})},
		{"write/other-stat-after-close", "Stat of a name tells what it told before", func(b *bugFs) {
			told := map[string]fs.FileInfo{}
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if err != nil || fi.IsDir() {
					return fi, err
				}
				if before, ok := told[name]; ok {
					return sizeInfo{fi, before.Size()}, nil
				}
				told[name] = fi
				return fi, nil
			}
		}},
		{"write/interleaved-handles", "the last one to close has everything its own way", onFile(func(f *bugFile) {
			if !writable(f.flag) || f.appends() {
				return
			}
			mine, wrote := f.tail(0), false
			f.writeAt = func(p []byte, off int64) (int, error) {
				n, err := f.good.WriteAt(p, off)
				if err == nil && off+int64(n) <= int64(len(mine)) {
					wrote = true
					copy(mine[off:], p)
				}
				return n, err
			}
			f.write = func(p []byte) (int, error) {
				if at := f.at(); at+int64(len(p)) <= int64(len(mine)) {
					wrote = true
					copy(mine[at:], p)
				}
				return f.good.Write(p)
			}
			f.close = func() error {
				if wrote && f.size() == int64(len(mine)) {
					_, _ = f.good.WriteAt(mine, 0)
				}
				return f.good.Close()
			}
		})},
		{"writeat/inside", "WriteAt cuts off what lies behind it", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			n, err := f.good.WriteAt(p, off)
			if err == nil && n > 0 {
				_ = f.good.Truncate(off + int64(n))
			}
			return n, err
		})},
		{"writeat/leaves-offset", "WriteAt is Seek and Write", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			n, err := f.good.WriteAt(p, off)
			if err == nil {
				f.move(off + int64(n))
			}
			return n, err
		})},
		{"writeat/hole-is-zero", "a hole is filled with spaces by WriteAt", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			for size := f.size(); size < off && off < 1<<20 && !f.appends(); size++ {
				_, _ = f.good.WriteAt([]byte(" "), size)
			}
			return f.good.WriteAt(p, off)
		})},
		{"writeat/negative", "a negative offset is the start", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			return f.good.WriteAt(p, max(off, 0))
		})},
		{"writeat/out-of-order", "WriteAt only goes forwards", onFile(func(f *bugFile) {
			end := int64(0)
			f.writeAt = func(p []byte, off int64) (int, error) {
				if off >= 0 && off+int64(len(p)) < end {
					return 0, pathError("write", f.as, fs.ErrInvalid)
				}
				end = off + int64(len(p))
				return f.good.WriteAt(p, off)
			}
		})},
		{"writeat/overlapping", "of two writes to one place the first stays", onFile(func(f *bugFile) {
			written := map[int64]bool{}
			f.writeAt = func(p []byte, off int64) (int, error) {
				n, err := f.good.WriteAt(p, off)
				for i := range int64(n) {
					if written[off+i] && i == 0 {
						_, _ = f.good.WriteAt([]byte("?"), off)
					}
					written[off+i] = true
				}
				return n, err
			}
		})},
		{"writeat/zero-length", "WriteAt of nothing makes the file longer", onWriteAt(func(f *bugFile, p []byte, off int64) (int, error) {
			if len(p) == 0 && off > f.size() && writable(f.flag) {
				_ = f.good.Truncate(off)
			}
			return f.good.WriteAt(p, off)
		})},
		{"large/4MiB", "what lies beyond two mebibytes is lost", onWrite(func(f *bugFile, p []byte) (int, error) {
			if f.at() > 2<<20 && f.at() < 1<<30 {
				return len(p), nil
			}
			return f.good.Write(p)
		})},
		{"large/chunk-boundaries", "a file of exactly 32 KiB loses its last byte", onFile(func(f *bugFile) {
			f.close = func() error {
				if writable(f.flag) && f.size() == 1<<15 {
					_ = f.good.Truncate(1<<15 - 1)
				}
				return f.good.Close()
			}
		})},
		{"large/many-small-writes", "the five-hundredth write is lost", onFile(func(f *bugFile) {
			n := 0
			f.write = func(p []byte) (int, error) {
				if n++; n == 500 {
					return len(p), nil
				}
				return f.good.Write(p)
			}
		})},
	}
}

// then makes a call after another one, if that went well.
func then[V any](first func() error, call func() (V, error)) (V, error) {
	if err := first(); err != nil {
		var none V
		return none, err
	}
	return call()
}

type sizeInfo struct {
	fs.FileInfo
	size int64
}

func (i sizeInfo) Size() int64 { return i.size }

func truncateBugs() []bug {
	return []bug{
		{"truncate/shrink", "Truncate does not cut", onTruncate(func(f *bugFile, size int64) error {
			if size >= 0 && size < f.size() && writable(f.flag) {
				return nil
			}
			return f.good.Truncate(size)
		})},
		{"truncate/grow", "Truncate does not lengthen", onTruncate(func(f *bugFile, size int64) error {
			if size > f.size() && size < 1<<30 && writable(f.flag) {
				return nil
			}
			return f.good.Truncate(size)
		})},
		{"truncate/to-same", "Truncate to the same size empties the file", onTruncate(func(f *bugFile, size int64) error {
			if size == f.size() {
				_ = f.good.Truncate(0)
			}
			return f.good.Truncate(size)
		})},
		{"truncate/shrink-then-grow-is-zero", "what was cut off comes back", onFile(func(f *bugFile) {
			var cut []byte
			f.truncate = func(size int64) error {
				was := f.size()
				if size < was {
					cut = f.tail(size)
				}
				err := f.good.Truncate(size)
				if err == nil && size > was && size < 1<<20 {
					_, _ = f.good.WriteAt(cut[:min(int64(len(cut)), size-was)], was)
				}
				return err
			}
		})},
		{"truncate/shrink-then-hole-is-zero", "what was cut off comes back in a hole", onFile(func(f *bugFile) {
			var cut []byte
			f.truncate = func(size int64) error { cut = f.tail(size); return f.good.Truncate(size) }
			hole := func(at int64) {
				if was := f.size(); at > was && cut != nil {
					_, _ = f.good.WriteAt(cut[:min(int64(len(cut)), at-was)], was)
				}
			}
			f.writeAt = func(p []byte, off int64) (int, error) { hole(off); return f.good.WriteAt(p, off) }
			f.write = func(p []byte) (int, error) { hole(f.at()); return f.good.Write(p) }
		})},
		{"truncate/keeps-offset", "Truncate goes to the new end", onTruncate(func(f *bugFile, size int64) error {
			err := f.good.Truncate(size)
			if err == nil {
				f.move(size)
			}
			return err
		})},
		{"truncate/negative", "a negative size is none", onTruncate(func(f *bugFile, size int64) error { return f.good.Truncate(max(size, 0)) })},
		{"truncate/other-handle-sees", "Truncate waits for Close", onFile(func(f *bugFile) {
			want := int64(-1)
			f.truncate = func(size int64) error {
				if size < 0 || size > f.size() || !writable(f.flag) {
					return f.good.Truncate(size)
				}
				want = size
				return nil
			}
			f.close = func() error {
				if want >= 0 {
					_ = f.good.Truncate(want)
				}
				return f.good.Close()
			}
		})},
		{"truncate/directory", "Truncate of a directory goes well", onDir(func(f *bugFile) { f.truncate = func(int64) error { return nil } })},
		{"truncate/read-only-handle", "a reader may cut", onTruncate(func(f *bugFile, size int64) error {
			if !writable(f.flag) {
				return os.Truncate(f.fs.good.real(f.as), size)
			}
			return f.good.Truncate(size)
		})},
		{"truncate/huge-refused-or-sparse", "Truncate to a size that is too large empties the file", onTruncate(func(f *bugFile, size int64) error {
			err := f.good.Truncate(size)
			if size > 1<<50 {
				_ = f.good.Truncate(0)
			}
			return err
		})},
		{"truncate/every-length-down", "Truncate to five bytes leaves six", onTruncate(func(f *bugFile, size int64) error {
			if size == 5 && f.size() > 5 {
				size = 6
			}
			return f.good.Truncate(size)
		})},
	}
}
