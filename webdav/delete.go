package webdav

import (
	"net/http"

	"github.com/davdisk/davdisk/webdav/internal/davheader"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// delete serves DELETE of a file or a tree, in one step of the file system.
// The root is never deleted.
func (h *Handler) delete(w http.ResponseWriter, r *request) error {
	if r.name == r.root {
		return refuse(http.StatusForbidden, "the root of the share cannot be deleted")
	}
	old, err := r.mustLook(r.name)
	if err != nil {
		return err
	}
	if r.isDir && !old.IsDir() {
		return errSlash
	}
	depth, err := davheader.ReadDepth(r.Header, davheader.DepthInfinity)
	if err != nil {
		return badHeader(err)
	}
	if old.IsDir() && depth != davheader.DepthInfinity {
		if err := r.needEmpty(); err != nil {
			return err
		}
	}
	if err := r.confirm(lock.Change{Path: r.name, Content: true, Tree: true, Member: true}); err != nil {
		return err
	}
	g, err := r.conditions(old)
	if err != nil {
		return err
	}
	if !isPlaceholder(old) {
		if err := r.files.delete(r.name, g.ifMatch); err != nil {
			return err
		}
	}
	r.reserved.RemoveTree(r.name)
	r.reserved.Record(h.props.Deleting(r.name)...)
	if err := r.finish(lock.Changed{Path: r.name, Tree: true}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (r *request) deleteNames() []lock.Name {
	return []lock.Name{{Path: r.name, Tree: true, Member: true, Removes: true}}
}

// needEmpty lets a folder be deleted with a Depth other than infinity only if
// there is nothing in it. RFC 4918 section 9.6.1 forbids such a Depth; lftp
// sends 0 when it removes folders that it takes to be empty. What a lock made in
// it counts.
func (r *request) needEmpty() error {
	_, children, err := r.files.list(r.name)
	if err == nil && len(r.withPlaceholders(r.name, children)) > 0 {
		return refuse(http.StatusBadRequest, "a folder is deleted with all in it, Depth must be infinity")
	}
	return err
}
