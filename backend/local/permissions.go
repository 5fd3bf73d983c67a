package local

import (
	"io/fs"
	"os"

	"github.com/davdisk/davdisk/internal/ownname"
)

// permit sets the permissions of a finished file, which was private until then:
// those of old, which it replaces, or those of a new file in dir. The owner is
// kept if this process runs as root.
func (v *view) permit(f *os.File, dir string, old fs.FileInfo) error {
	if old == nil {
		mode, err := v.usualMode(dir)
		if err != nil {
			return err
		}
		return f.Chmod(mode)
	}
	mode := old.Mode().Perm()
	if uid, gid, ok := owner(old); ok && f.Chown(uid, gid) != nil && f.Chown(-1, gid) != nil {
		// Another group must not get the permissions of the old one.
		mode &= 0o707 | mode<<3&0o070
	}
	return f.Chmod(mode)
}

// usualMode returns the mode of a new file in dir. It depends on the umask or
// on an access control list of the folder, and is found by creating one.
func (v *view) usualMode(dir string) (fs.FileMode, error) {
	name := ownname.Unfinished(dir)
	f, err := v.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, err
	}
	defer v.root.Remove(name)
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Mode().Perm(), nil
}
