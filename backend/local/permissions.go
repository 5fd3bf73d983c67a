package local

import (
	"io/fs"
	"os"

	"github.com/davdisk/davdisk/internal/ownname"
)

// permit sets the permissions of a finished file, which was private until then:
// those of old, which it replaces, or the usual ones. The owner is kept if this
// process runs as root.
func permit(f *os.File, usual fs.FileMode, old fs.FileInfo) error {
	if old == nil {
		return f.Chmod(usual)
	}
	mode := old.Mode().Perm()
	if uid, gid, ok := owner(old); ok && f.Chown(uid, gid) != nil && f.Chown(-1, gid) != nil {
		// Another group must not get the permissions of the old one.
		mode &= 0o707 | mode<<3&0o070
	}
	return f.Chmod(mode)
}

// createUsual creates a file as any program would, and makes it private while it is
// empty. usual is the mode it had before, which depends on the umask or on an access
// control list of the folder.
func (v *view) createUsual(name string) (f *os.File, usual fs.FileMode, err error) {
	f, err = v.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, 0, err
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		v.root.Remove(name)
		return nil, 0, err
	}
	_ = f.Chmod(0o600) // FAT has the same mode for all files, and refuses others
	return f, fi.Mode().Perm(), nil
}

// usualMode returns the mode of a new file.
func (v *view) usualMode() (fs.FileMode, error) {
	name := ownname.Unfinished(".")
	f, usual, err := v.createUsual(name)
	if err != nil {
		return 0, err
	}
	f.Close()
	v.root.Remove(name)
	return usual, nil
}
