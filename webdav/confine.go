package webdav

import (
	"path"
	"slices"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// confiner gives the same file system, with all its abilities, as seen by a
// caller who must not leave dir: no link that lies in it is followed out of
// it. Names stay those of the whole. A file system without it is taken to have
// no links.
type confiner interface {
	Confine(dir string) (afero.Fs, error)
}

// confine has links resolved within the user's root, as his paths are. A root
// that lies in another user's is itself looked up within that one, who could
// otherwise put a link in its place.
func (r *request) confine(user Principal) error {
	if r.root == "/" {
		return nil
	}
	dirs := make([]string, 0, len(user.Within)+1)
	for _, outer := range user.Within {
		if dir := path.Clean("/" + outer); dir != "/" && dir != r.root && pathtree.Within(r.root, dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs) // each lies in the one before
	for _, dir := range append(dirs, r.root) {
		c, ok := r.files.fs.(confiner)
		if !ok {
			return nil
		}
		confined, err := c.Confine(dir)
		if err != nil {
			return err
		}
		r.files.fs = confined
	}
	return nil
}
