package conformance

import (
	"io"
	"io/fs"
	"math"
)

// onSeek plants a bug in Seek.
func onSeek(seek func(f *bugFile, off int64, whence int) (int64, error)) func(b *bugFs) {
	return onFile(func(f *bugFile) {
		f.seek = func(off int64, whence int) (int64, error) { return seek(f, off, whence) }
	})
}

// clamped takes what lies before the start for the start.
func clamped(which int) func(b *bugFs) {
	return onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
		n, err := f.good.Seek(off, whence)
		if err != nil && off < 0 && whence == which {
			return f.good.Seek(0, io.SeekStart)
		}
		return n, err
	})
}

func seekBugs() []bug {
	return []bug{
		{"seek/start", "Seek from the start does not tell where it is", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			n, err := f.good.Seek(off, whence)
			if whence == io.SeekStart {
				n = 0
			}
			return n, err
		})},
		{"seek/current", "Seek backwards from the current place does not move", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			if whence == io.SeekCurrent && off < 0 && f.at()+off >= 0 {
				off = 0
			}
			return f.good.Seek(off, whence)
		})},
		{"seek/end", "Seek from the end takes the sign for granted", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			if whence == io.SeekEnd && off < 0 && f.size()+off >= 0 {
				off = -off
			}
			return f.good.Seek(off, whence)
		})},
		{"seek/negative", "before the start is the start", clamped(io.SeekStart)},
		{"seek/negative-current", "before the start is the start, from the current place", clamped(io.SeekCurrent)},
		{"seek/negative-end", "before the start is the start, from the end", clamped(io.SeekEnd)},
		{"seek/negative-then-read-does-not-panic", "a negative place is taken, and Read panics there", onFile(func(f *bugFile) {
			negative := false
			f.seek = func(off int64, whence int) (int64, error) {
				n, err := f.good.Seek(off, whence)
				negative = err != nil
				return n, err
			}
			f.read = func(p []byte) (int, error) {
				if negative {
					panic("slice bounds out of range")
				}
				return f.good.Read(p)
			}
		})},
		{"seek/failed-seek-keeps-offset", "a Seek that fails goes to the start", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			n, err := f.good.Seek(off, whence)
			if err != nil {
				f.move(0)
			}
			return n, err
		})},
		{"seek/bad-whence", "whatever whence is not known is the start", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			if whence < 0 || whence > io.SeekEnd {
				whence = io.SeekStart
			}
			return f.good.Seek(off, whence)
		})},
		{"seek/past-end-then-read", "Read beyond the end is an error like others", onFile(func(f *bugFile) {
			f.read = func(p []byte) (int, error) {
				if f.at() > f.size() {
					return 0, pathError("read", f.as, fs.ErrInvalid)
				}
				return f.good.Read(p)
			}
		})},
		{"seek/past-end-does-not-grow", "Seek beyond the end makes the file longer", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			n, err := f.good.Seek(off, whence)
			if err == nil && n > f.size() && n < 1<<20 && writable(f.flag) {
				err = f.good.Truncate(n)
			}
			return n, err
		})},
		{"seek/past-end-write-zero-fills", "a hole is filled with spaces by Write", onFile(func(f *bugFile) {
			f.write = func(p []byte) (int, error) {
				for at, size := f.at(), f.size(); size < at && !f.appends() && at < 1<<20; size++ {
					_, _ = f.good.WriteAt([]byte(" "), size)
				}
				return f.good.Write(p)
			}
		})},
		{"seek/huge", "large offsets wrap around", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			if off > math.MaxInt64/2 {
				f.move(0)
				return off, nil
			}
			return f.good.Seek(off, whence)
		})},
		{"seek/on-directory-0-rewinds", "Seek on a directory does nothing", onDir(func(f *bugFile) {
			f.seek = func(int64, int) (int64, error) { return 0, nil }
		})},
		{"seek/current-0-reports", "to ask for the place is to go to the start", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			n, err := f.good.Seek(off, whence)
			if off == 0 && whence == io.SeekCurrent {
				f.move(0)
			}
			return n, err
		})},
		{"seek/every-offset-three-ways", "the last byte cannot be reached from the current place", onSeek(func(f *bugFile, off int64, whence int) (int64, error) {
			if whence == io.SeekCurrent && off > 0 && f.at()+off == f.size()-1 {
				off--
			}
			return f.good.Seek(off, whence)
		})},
	}
}
