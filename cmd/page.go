package cmd

import (
	"context"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/page"
)

// pageStore returns the abilities of a backend that the page uses beyond a file
// system. Changes made past f invalidate its caches.
func pageStore(b backend.Backend, f *vfs.FS, stateDir string) page.Store {
	var s page.Store
	if sharer, err := backend.Sharing(b); err == nil {
		s.Links = pageLinks{sharer}
	}
	if trash, err := backend.Trashcan(b); err == nil {
		s.Trash = pageTrash{trash, f}
	}
	if _, ok := backend.As[backend.Previewer](b); ok {
		s.Previews = pagePreviews{b}
	}
	if _, ok := backend.As[backend.FlatLister](b); ok {
		s.Files = pageFiles{b}
	}
	_, one := backend.As[backend.Usager](b)
	if _, s.Spaces = backend.As[backend.FolderUsager](b); one || s.Spaces {
		s.Space = pageSpace{b}
	}
	if stateDir != "" {
		s.Uploads = pageUploads(stateDir)
	}
	return s
}

// inStore converts a path of the file system into a name of the backend.
func inStore(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

// confined restricts the backend to the user's root, symbolic links included.
func confined(ctx context.Context) context.Context {
	user, ok := webdav.PrincipalFromContext(ctx)
	if root := inStore(user.Root); ok && root != "." {
		return backend.Confine(ctx, root)
	}
	return ctx
}

func pageItems(entries iter.Seq2[backend.Entry, error]) iter.Seq2[page.Item, error] {
	return func(yield func(page.Item, error) bool) {
		for e, err := range entries {
			item := page.Item{Name: "/" + e.Path, Dir: e.Info.Dir, Size: e.Info.Size, ModTime: e.Info.ModTime, Address: e.Info.Public}
			if !yield(item, err) {
				return
			}
		}
	}
}

type pageLinks struct{ backend.Sharer }

func (l pageLinks) Share(ctx context.Context, name string) (string, error) {
	return l.Sharer.Share(confined(ctx), inStore(name))
}

func (l pageLinks) Unshare(ctx context.Context, name string) error {
	return l.Sharer.Unshare(confined(ctx), inStore(name))
}

func (l pageLinks) Shared(ctx context.Context) iter.Seq2[page.Item, error] {
	return pageItems(l.Sharer.Shared(ctx))
}

type pageTrash struct {
	backend.Trasher
	fs *vfs.FS
}

func (t pageTrash) Trashed(ctx context.Context) iter.Seq2[page.TrashedItem, error] {
	return func(yield func(page.TrashedItem, error) bool) {
		for e, err := range t.Trasher.Trash(ctx) {
			item := page.TrashedItem{ID: e.ID, Name: e.Info.Name, Dir: e.Info.Dir, Size: e.Info.Size, Deleted: e.Deleted}
			if e.Origin != "" {
				item.Origin = "/" + e.Origin
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// Restore invalidates the name even after an error, because the service may have
// restored it all the same.
func (t pageTrash) Restore(ctx context.Context, id, to string) (string, error) {
	name, err := t.Trasher.Restore(confined(ctx), id, inStore(to), false)
	for _, changed := range []string{to, "/" + name} {
		// Missing parents are created, so all of them are invalidated.
		for at := path.Clean(changed); at != "/"; at = path.Dir(at) {
			if lost := t.fs.Invalidate(at); lost != nil && err == nil {
				err = lost
			}
		}
	}
	return "/" + name, err
}

func (t pageTrash) Empty(ctx context.Context) error { return t.EmptyTrash(ctx) }

type pagePreviews struct{ backend.Backend }

func (p pagePreviews) Preview(ctx context.Context, name string, size int) (io.ReadCloser, error) {
	return backend.Preview(confined(ctx), p.Backend, inStore(name), size)
}

type pageFiles struct{ backend.Backend }

func (p pageFiles) Files(ctx context.Context) iter.Seq2[page.Item, error] {
	return pageItems(backend.Files(ctx, p.Backend, backend.FilesOptions{}))
}

type pageSpace struct{ backend.Backend }

func (p pageSpace) Space(ctx context.Context, name string) (page.Space, error) {
	s, err := backend.UsageIn(ctx, p.Backend, inStore(name))
	return page.Space{Total: s.Total, Used: s.Used, Trash: s.Trash}, err
}

// pageUploads is the path of a file system's state folder.
type pageUploads string

func (dir pageUploads) Waiting() ([]page.Upload, error) {
	queued, err := vfs.ReadQueue(string(dir))
	var all []page.Upload
	for _, q := range queued {
		all = append(all, page.Upload{Name: "/" + q.Name, Size: q.Size, Error: q.Error})
	}
	return all, err
}
