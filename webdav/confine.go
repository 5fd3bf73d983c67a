package webdav

import (
	"path"
	"slices"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// confine makes the file system resolve links within the user's root. A root
// inside another user's root is itself resolved within that one, because that
// user could put a link in its place.
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
	slices.Sort(dirs) // parents first
	for _, dir := range append(dirs, r.root) {
		c, ok := r.files.fs.(Confiner)
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
