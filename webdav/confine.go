package webdav

import (
	"path"
	"slices"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

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
