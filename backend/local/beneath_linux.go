//go:build !android

package local

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A beneath opens the files of a folder by their whole paths, which the system walks in
// one call, and confines as [os.Root] does with a call for each folder on the way.
type beneath struct {
	dir  *os.File
	conn syscall.RawConn
}

func newBeneath(root *os.Root) (beneath, error) {
	dir, err := root.Open(".")
	if err != nil {
		return beneath{}, err
	}
	conn, err := dir.SyscallConn()
	if err != nil {
		dir.Close()
		return beneath{}, err
	}
	return beneath{dir, conn}, nil
}

func (b beneath) close() { b.dir.Close() }

// open opens a regular file for reading, and describes it. It returns nil for anything
// else, links among them, and if it cannot, as before Linux 5.6: then [os.Root] has to
// be asked. Nothing else is opened, because that may have effects: it lets the writers
// of a pipe go on.
func (b beneath) open(name string) (*os.File, fs.FileInfo) {
	fd := -1
	_ = b.conn.Control(func(dir uintptr) {
		if isFile(int(dir), name) {
			fd = openBeneath(int(dir), name)
		}
	})
	if fd < 0 {
		return nil, nil
	}
	return describeFile(os.NewFile(uintptr(fd), name))
}

// isFile reports whether a name is that of a regular file. Nothing is looked at that a
// link out of the folder leads to: others would know of it, and it may not answer.
func isFile(dir int, name string) bool {
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG
}

// openBeneath opens a name for reading, and returns -1 if that fails. It does not wait
// for the writer of a pipe, and fails where another program had to give up a lease of a
// file first.
func openBeneath(dir int, name string) (fd int) {
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return -1
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, 0); err != nil { // it waits from now on
		unix.Close(fd)
		return -1
	}
	return fd
}
