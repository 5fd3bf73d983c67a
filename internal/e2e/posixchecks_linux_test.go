package e2e

import (
	"io"
	"os"
	"strings"
	"syscall"
)

// A posixCheck is one thing that POSIX.1-2017 asks of a file system: the function
// (and the error or flag) whose description says so, and what is tried in an empty
// folder. An error is a deviation.
type posixCheck struct {
	clause, what string
	try          func(f posixFolder) error
}

var posixChecks = []posixCheck{
	{"open O_CREAT", "makes an empty file", func(f posixFolder) error { return f.size("a", 0, f.file("a", "")) }},
	{"open O_EXCL", "refuses what is there", func(f posixFolder) error {
		return f.is(syscall.EEXIST, f.open2("a", os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.file("a", "x")))
	}},
	{"open O_EXCL", "makes what is not there", func(f posixFolder) error { return f.open2("a", os.O_CREATE|os.O_EXCL|os.O_WRONLY, nil) }},
	{"open O_TRUNC", "empties a file", func(f posixFolder) error {
		return f.size("a", 0, f.open2("a", os.O_TRUNC|os.O_WRONLY, f.file("a", "x")))
	}},
	{"open O_APPEND", "each write goes to the end", func(f posixFolder) error { return f.appends() }},
	{"open O_WRONLY", "cannot be read", func(f posixFolder) error {
		return f.withFile("a", "x", os.O_WRONLY, func(h *os.File) error { _, err := h.Read(make([]byte, 1)); return f.is(syscall.EBADF, err) })
	}},
	{"open O_RDONLY", "cannot be written", func(f posixFolder) error {
		return f.withFile("a", "x", os.O_RDONLY, func(h *os.File) error { _, err := h.Write([]byte("y")); return f.is(syscall.EBADF, err) })
	}},
	{"open O_RDWR", "is read and written", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteAt([]byte("X"), 1); err != nil {
				return err
			}
			return f.reads(h, "aXc")
		})
	}},
	{"open ENOENT", "what is missing", func(f posixFolder) error { return f.is(syscall.ENOENT, f.open2("none", os.O_RDONLY, nil)) }},
	{"open ENOENT", "a folder that is missing", func(f posixFolder) error {
		return f.is(syscall.ENOENT, f.open2("none/a", os.O_CREATE|os.O_WRONLY, nil))
	}},
	{"open ENOENT", "the empty path", func(f posixFolder) error { return f.is(syscall.ENOENT, syscall.Access("", 0)) }},
	{"open ENOTDIR", "a file on the way", func(f posixFolder) error { return f.is(syscall.ENOTDIR, f.open2("a/b", os.O_RDONLY, f.file("a", "x"))) }},
	{"open EISDIR", "a folder for writing", func(f posixFolder) error { return f.is(syscall.EISDIR, f.open2("d", os.O_WRONLY, f.dir("d"))) }},
	{"open O_DIRECTORY", "not a file", func(f posixFolder) error {
		return f.is(syscall.ENOTDIR, f.open2("a", os.O_RDONLY|syscall.O_DIRECTORY, f.file("a", "x")))
	}},
	{"open O_NOFOLLOW", "takes a file", func(f posixFolder) error { return f.open2("a", os.O_RDONLY|syscall.O_NOFOLLOW, f.file("a", "x")) }},
	{"open mode", "is that asked for", func(f posixFolder) error { return f.mode("a", 0o640, f.make("a", 0o640)) }},
	{"open mode", "without rights the handle still writes", func(f posixFolder) error { return f.writesUnreadable() }},
	{"open, trailing slash", "is no file", func(f posixFolder) error { return f.is(syscall.ENOTDIR, f.open2("a/", os.O_RDONLY, f.file("a", "x"))) }},
	{"NAME_MAX", "255 bytes", func(f posixFolder) error { return f.file(strings.Repeat("n", 255), "x") }},
	{"ENAMETOOLONG", "256 bytes", func(f posixFolder) error { return f.is(syscall.ENAMETOOLONG, f.file(strings.Repeat("n", 256), "x")) }},
	{"filename", "letters of other scripts", func(f posixFolder) error { return f.readsBack("Ж世é") }},
	{"filename", "blanks at both ends", func(f posixFolder) error { return f.readsBack(" a ") }},
	{"filename", "a dot at the end", func(f posixFolder) error { return f.readsBack("a.") }},
	{"filename", "a dot at the beginning", func(f posixFolder) error { return f.readsBack(".a") }},
	{"filename", "a newline", func(f posixFolder) error { return f.readsBack("a\nb") }},
	{"filename", "a backslash", func(f posixFolder) error { return f.readsBack("a\\b") }},
	{"filename", "what URLs reserve", func(f posixFolder) error { return f.readsBack("%41#?&;+=:@$,!'()*[]") }},
	{"filename", "quotes and angle brackets", func(f posixFolder) error { return f.readsBack("\"<a>|") }},
	{"filename", "a control character", func(f posixFolder) error { return f.readsBack("a\x01b") }},
	{"filename", "three dots", func(f posixFolder) error { return f.readsBack("...") }},
	{"filename", "what is no UTF-8", func(f posixFolder) error { return f.readsBack("a\xffb") }},
	{"filename", "upper and lower case differ", func(f posixFolder) error { return f.distinct("a", "A") }},
	{"filename", "composed and decomposed differ", func(f posixFolder) error { return f.distinct("\u00e9", "e\u0301") }},
	{"read", "is at the end", func(f posixFolder) error {
		return f.withFile("a", "", os.O_RDONLY, func(h *os.File) error { return f.reads(h, "") })
	}},
	{"pread", "leaves the offset", func(f posixFolder) error {
		return f.withFile("a", "abcd", os.O_RDONLY, func(h *os.File) error {
			if _, err := h.ReadAt(make([]byte, 2), 1); err != nil {
				return err
			}
			return f.rest(h, "abcd")
		})
	}},
	{"pwrite", "leaves the offset", func(f posixFolder) error {
		return f.withFile("a", "abcd", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteAt([]byte("XY"), 1); err != nil {
				return err
			}
			return f.rest(h, "aXYd")
		})
	}},
	{"write", "a gap is zeros", func(f posixFolder) error {
		return f.withFile("a", "a", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteAt([]byte("b"), 3); err != nil {
				return err
			}
			return f.reads(h, "a\x00\x00b")
		})
	}},
	{"write", "far beyond the end", func(f posixFolder) error {
		return f.withFile("a", "", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteAt([]byte("b"), 1<<20); err != nil {
				return err
			}
			return f.size("a", 1<<20+1, nil)
		})
	}},
	{"write", "shows in fstat at once", func(f posixFolder) error {
		return f.withFile("a", "", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteString("abc"); err != nil {
				return err
			}
			i, err := h.Stat()
			return f.equal(int64(3), i.Size(), err)
		})
	}},
	{"write", "shows in stat at once", func(f posixFolder) error {
		return f.withFile("a", "", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteString("abc"); err != nil {
				return err
			}
			return f.size("a", 3, nil)
		})
	}},
	{"write", "another handle sees it", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteString("X"); err != nil {
				return err
			}
			return f.content("a", "Xbc")
		})
	}},
	{"write", "of nothing changes nothing", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
			if _, err := h.Write(nil); err != nil {
				return err
			}
			return f.size("a", 3, nil)
		})
	}},
	{"write", "of megabytes", func(f posixFolder) error { return f.bulk() }},
	{"lseek", "SEEK_END", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDONLY, func(h *os.File) error { n, err := h.Seek(-1, io.SeekEnd); return f.equal(int64(2), n, err) })
	}},
	{"lseek EINVAL", "before the beginning", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDONLY, func(h *os.File) error { _, err := h.Seek(-1, io.SeekStart); return f.is(syscall.EINVAL, err) })
	}},
	{"lseek", "does not make it longer", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
			if _, err := h.Seek(100, io.SeekStart); err != nil {
				return err
			}
			return f.size("a", 3, nil)
		})
	}},
	{"fsync", "succeeds", func(f posixFolder) error {
		return f.withFile("a", "", os.O_RDWR, func(h *os.File) error {
			if _, err := h.WriteString("abc"); err != nil {
				return err
			}
			return h.Sync()
		})
	}},
	{"close", "keeps what was written", func(f posixFolder) error { return f.content("a", "abc", f.file("a", "abc")) }},
	{"mmap", "is read", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDONLY, func(h *os.File) error { return f.mapped(h, syscall.PROT_READ, "abc", "abc") })
	}},
	{"mmap MAP_SHARED", "is written", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error { return f.mapped(h, syscall.PROT_READ|syscall.PROT_WRITE, "abc", "Xbc") })
	}},
	{"ftruncate", "shortens", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
			if err := h.Truncate(1); err != nil {
				return err
			}
			return f.reads(h, "a")
		})
	}},
	{"ftruncate", "lengthens by zeros", func(f posixFolder) error {
		return f.withFile("a", "a", os.O_RDWR, func(h *os.File) error {
			if err := h.Truncate(3); err != nil {
				return err
			}
			return f.reads(h, "a\x00\x00")
		})
	}},
	{"ftruncate", "leaves the offset", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
			if _, err := h.Seek(2, io.SeekStart); err != nil {
				return err
			}
			if err := h.Truncate(0); err != nil {
				return err
			}
			if _, err := h.WriteString("x"); err != nil {
				return err
			}
			return f.reads(h, "\x00\x00x")
		})
	}},
	{"ftruncate EINVAL", "of one that is read", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDONLY, func(h *os.File) error { return f.either(h.Truncate(1), syscall.EINVAL, syscall.EBADF) })
	}},
	{"truncate", "by name", func(f posixFolder) error { return f.content("a", "ab", f.file("a", "abc"), f.truncate("a", 2)) }},
	{"truncate", "lengthens", func(f posixFolder) error { return f.content("a", "a\x00\x00", f.file("a", "a"), f.truncate("a", 3)) }},
	{"truncate ENOENT", "what is missing", func(f posixFolder) error { return f.is(syscall.ENOENT, os.Truncate(f.at("none"), 0)) }},
	{"truncate EISDIR", "a folder", func(f posixFolder) error {
		return f.is(syscall.EISDIR, f.after(f.dir("d"), func() error { return os.Truncate(f.at("d"), 0) }))
	}},
	{"rename", "to a free name", func(f posixFolder) error {
		return f.content("b", "x", f.file("a", "x"), f.rename("a", "b"), f.missing("a"))
	}},
	{"rename", "takes the place of a file", func(f posixFolder) error {
		return f.content("b", "new", f.file("a", "new"), f.file("b", "old"), f.rename("a", "b"), f.missing("a"))
	}},
	{"rename", "over an open file, which stays", func(f posixFolder) error { return f.renameOverOpen() }},
	{"rename", "of an open file, which is written on", func(f posixFolder) error { return f.renameOpen() }},
	{"rename", "of one that is still written, over another", func(f posixFolder) error { return f.saveByRename() }},
	{"rename", "of a folder with what is in it", func(f posixFolder) error {
		return f.content("e/a", "x", f.dir("d"), f.file("d/a", "x"), f.rename("d", "e"), f.missing("d"))
	}},
	{"rename", "of a folder over an empty one", func(f posixFolder) error {
		return f.content("e/a", "x", f.dir("d"), f.dir("e"), f.file("d/a", "x"), f.rename("d", "e"), f.missing("d"))
	}},
	{"rename ENOTEMPTY", "of a folder over one that is not", func(f posixFolder) error {
		return f.either(f.after(f.all(f.dir("d"), f.dir("e"), f.file("e/a", "x")), func() error { return syscall.Rename(f.at("d"), f.at("e")) }), syscall.ENOTEMPTY, syscall.EEXIST)
	}},
	{"rename EISDIR", "of a file over a folder", func(f posixFolder) error {
		return f.is(syscall.EISDIR, f.after(f.all(f.file("a", "x"), f.dir("d")), func() error { return syscall.Rename(f.at("a"), f.at("d")) }))
	}},
	{"rename ENOTDIR", "of a folder over a file", func(f posixFolder) error {
		return f.is(syscall.ENOTDIR, f.after(f.all(f.file("a", "x"), f.dir("d")), func() error { return syscall.Rename(f.at("d"), f.at("a")) }))
	}},
	{"rename", "to its own name", func(f posixFolder) error { return f.content("a", "x", f.file("a", "x"), f.rename("a", "a")) }},
	{"rename EINVAL", "below itself", func(f posixFolder) error {
		return f.is(syscall.EINVAL, f.after(f.dir("d"), func() error { return syscall.Rename(f.at("d"), f.at("d/e")) }))
	}},
	{"rename ENOENT", "of what is missing", func(f posixFolder) error { return f.is(syscall.ENOENT, syscall.Rename(f.at("none"), f.at("b"))) }},
	{"rename ENOENT", "into a folder that is missing", func(f posixFolder) error {
		return f.is(syscall.ENOENT, f.after(f.file("a", "x"), func() error { return syscall.Rename(f.at("a"), f.at("none/a")) }))
	}},
	{"rename", "keeps the time", func(f posixFolder) error { return f.renameKeepsTime() }},
	{"unlink", "removes", func(f posixFolder) error { return f.all(f.file("a", "x"), os.Remove(f.at("a")), f.missing("a")) }},
	{"unlink ENOENT", "what is missing", func(f posixFolder) error { return f.is(syscall.ENOENT, syscall.Unlink(f.at("none"))) }},
	{"unlink EPERM", "a folder", func(f posixFolder) error {
		return f.either(f.after(f.dir("d"), func() error { return syscall.Unlink(f.at("d")) }), syscall.EPERM, syscall.EISDIR)
	}},
	{"unlink", "an open file is read on", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDONLY, func(h *os.File) error { return f.all(os.Remove(f.at("a")), f.reads(h, "abc")) })
	}},
	{"unlink", "an open file is written on", func(f posixFolder) error {
		return f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
			if err := os.Remove(f.at("a")); err != nil {
				return err
			}
			if _, err := h.WriteString("X"); err != nil {
				return err
			}
			return f.reads(h, "Xbc")
		})
	}},
	{"unlink", "the name is free while it is open", func(f posixFolder) error {
		return f.withFile("a", "old", os.O_RDWR, func(h *os.File) error { return f.content("a", "new", os.Remove(f.at("a")), f.file("a", "new")) })
	}},
	{"mkdir EEXIST", "a folder is there", func(f posixFolder) error {
		return f.is(syscall.EEXIST, f.after(f.dir("d"), func() error { return syscall.Mkdir(f.at("d"), 0o755) }))
	}},
	{"mkdir EEXIST", "a file is there", func(f posixFolder) error {
		return f.is(syscall.EEXIST, f.after(f.file("d", ""), func() error { return syscall.Mkdir(f.at("d"), 0o755) }))
	}},
	{"mkdir ENOENT", "below what is missing", func(f posixFolder) error { return f.is(syscall.ENOENT, syscall.Mkdir(f.at("none/d"), 0o755)) }},
	{"mkdir ENOTDIR", "below a file", func(f posixFolder) error {
		return f.is(syscall.ENOTDIR, f.after(f.file("a", ""), func() error { return syscall.Mkdir(f.at("a/d"), 0o755) }))
	}},
	{"mkdir mode", "is that asked for", func(f posixFolder) error { return f.mode("d", 0o750, syscall.Mkdir(f.at("d"), 0o750)) }},
	{"rmdir", "an empty folder", func(f posixFolder) error { return f.all(f.dir("d"), syscall.Rmdir(f.at("d")), f.missing("d")) }},
	{"rmdir ENOTEMPTY", "one that is not empty", func(f posixFolder) error {
		return f.either(f.after(f.all(f.dir("d"), f.file("d/a", "x")), func() error { return syscall.Rmdir(f.at("d")) }), syscall.ENOTEMPTY, syscall.EEXIST)
	}},
	{"rmdir ENOTDIR", "a file", func(f posixFolder) error {
		return f.is(syscall.ENOTDIR, f.after(f.file("a", ""), func() error { return syscall.Rmdir(f.at("a")) }))
	}},
	{"rmdir ENOENT", "what is missing", func(f posixFolder) error { return f.is(syscall.ENOENT, syscall.Rmdir(f.at("none"))) }},
	{"rmdir EINVAL", "dot", func(f posixFolder) error {
		return f.is(syscall.EINVAL, f.after(f.dir("d"), func() error { return syscall.Rmdir(f.at("d") + "/.") }))
	}},
	{"readdir", "shows all", func(f posixFolder) error { return f.lists(40) }},
	{"readdir", "shows what was just made and not what was removed", func(f posixFolder) error { return f.listsChanges() }},
	{"opendir ENOTDIR", "a file", func(f posixFolder) error {
		return f.is(syscall.ENOTDIR, f.after(f.file("a", ""), func() error { _, err := os.ReadDir(f.at("a")); return err }))
	}},
	{"link", "makes a second name", func(f posixFolder) error {
		return f.content("b", "x", f.file("a", "x"), syscall.Link(f.at("a"), f.at("b")))
	}},
	{"symlink", "is read back", func(f posixFolder) error { return f.symlink() }},
	{"symlink", "is followed", func(f posixFolder) error {
		return f.content("b", "x", f.file("a", "x"), syscall.Symlink("a", f.at("b")))
	}},
	{"mkfifo", "makes one", func(f posixFolder) error { return syscall.Mkfifo(f.at("p"), 0o644) }},
	{"st_nlink", "of a file is 1", func(f posixFolder) error { return f.nlink() }},
	{"utimensat", "sets the time", func(f posixFolder) error { return f.setsTime(0) }},
	{"utimensat", "with nanoseconds", func(f posixFolder) error { return f.setsTime(123456789) }},
	{"utimensat", "before 1970", func(f posixFolder) error { return f.setsOldTime() }},
	{"write", "moves st_mtime on", func(f posixFolder) error { return f.movesTime() }},
	{"mkdir", "st_mtime of the folder moves on", func(f posixFolder) error { return f.movesFolderTime() }},
	{"chmod", "is kept", func(f posixFolder) error { return f.mode("a", 0o600, f.file("a", ""), os.Chmod(f.at("a"), 0o600)) }},
	{"chmod", "the executable bit", func(f posixFolder) error { return f.mode("a", 0o755, f.file("a", ""), os.Chmod(f.at("a"), 0o755)) }},
	{"chmod ENOENT", "what is missing", func(f posixFolder) error { return f.is(syscall.ENOENT, syscall.Chmod(f.at("none"), 0o600)) }},
	{"chown", "is kept", func(f posixFolder) error { return f.chowns() }},
	{"stat ENOENT", "what is missing", func(f posixFolder) error { return f.missing("none") }},
	{"fcntl F_SETLK", "locks", func(f posixFolder) error {
		return f.withFile("a", "x", os.O_RDWR, func(h *os.File) error {
			return syscall.FcntlFlock(h.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Len: 1})
		})
	}},
	{"fcntl F_SETLK EBADF", "locks for writing what is read", func(f posixFolder) error {
		return f.withFile("a", "x", os.O_RDONLY, func(h *os.File) error {
			return f.is(syscall.EBADF, syscall.FcntlFlock(h.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Len: 1}))
		})
	}},
	{"statvfs", "has free space", func(f posixFolder) error { return f.space() }},
}
