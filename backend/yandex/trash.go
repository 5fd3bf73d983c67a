package yandex

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

const trashRoot = "trash:/"

// trashFields are those of the trash.
const trashFields = "type,_embedded.total,_embedded.items.type,_embedded.items.name,_embedded.items.path,_embedded.items.size," +
	"_embedded.items.md5,_embedded.items.sha256,_embedded.items.created,_embedded.items.modified,_embedded.items.deleted," +
	"_embedded.items.origin_path,_embedded.items.mime_type,_embedded.items.resource_id,_embedded.items.revision"

// Trash implements backend.Trasher. The trash is that of the whole disk,
// whatever the root.
func (b *Backend) Trash(ctx context.Context) iter.Seq2[backend.Trashed, error] {
	return func(yield func(backend.Trashed, error) bool) {
		base, err := b.base(ctx)
		var g gathered
		if err == nil {
			g, err = lister{b: b, folder: trashRoot, id: func(r *api.Resource) api.Text { return r.Path }, page: b.trashPage}.list(ctx)
		}
		if err != nil {
			yield(backend.Trashed{}, pathError("trash", ".", err))
			return
		}
		for i := range g.items {
			r := &g.items[i]
			if r.Check() != nil || checkTrashed(string(r.Path)) != nil {
				b.log.Warn("an entry of the trash with an invalid path is left out", "path", string(r.Path))
				continue
			}
			origin, _ := below(base, string(r.OriginPath))
			if !yield(backend.Trashed{ID: string(r.Path), Origin: origin, Deleted: r.Deleted.Time, Info: info(r, string(r.Name))}, nil) {
				return
			}
		}
	}
}

func (b *Backend) trashPage(ctx context.Context, offset, limit int) (*api.Resource, error) {
	return b.api.Resource(ctx, api.Request{Call: api.GetTrash, Query: url.Values{
		"path": {trashRoot}, "fields": {trashFields}, "limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)},
	}})
}

// checkTrashed rejects an id that is not one entry of the trash: without a path
// the service would empty the trash.
func checkTrashed(id string) error {
	if rest, ok := strings.CutPrefix(id, trashRoot); !ok || !usable(rest) {
		return &backend.Error{Kind: fs.ErrInvalid, Message: "not an entry of the trash"}
	}
	return nil
}

// Restore implements backend.Trasher. A name that is taken is fs.ErrExist; only
// if it becomes taken meanwhile the service chooses another one, "name (1)".
func (b *Backend) Restore(ctx context.Context, id, to string, overwrite bool) (string, error) {
	name, err := b.restore(ctx, id, to, overwrite)
	return name, pathError("restore", id, err)
}

func (b *Backend) restore(ctx context.Context, id, to string, overwrite bool) (string, error) {
	if err := checkTrashed(id); err != nil {
		return "", err
	}
	if to != "" {
		if _, err := b.path(to); err != nil {
			return "", err
		}
	}
	base, err := b.base(ctx)
	if err != nil {
		return "", err
	}
	query := url.Values{"path": {id}, "overwrite": {strconv.FormatBool(overwrite)}}
	if to == "" {
		if to, err = b.origin(ctx, base, id); err != nil {
			return "", err
		}
	} else {
		_, abs, _ := strings.Cut(path.Join(base, to), ":")
		query.Set("name", abs)
	}
	change := lostChange{Call: api.RestoreTrash, From: id, To: to, Overwrite: overwrite}
	unlock, err := b.lockToPut(ctx, func(ctx context.Context) error { return b.lost.settle(ctx, to, change) }, to)
	if err != nil {
		return "", err
	}
	defer unlock()
	// A folder is never replaced or merged into. For a name that is taken the
	// service would choose another, which an operation does not name.
	switch r, err := b.look(ctx, to); {
	case err == nil && (!overwrite || r.Type == "dir"):
		return "", &backend.Error{Kind: fs.ErrExist}
	case err != nil && !is(err, fs.ErrNotExist):
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	ctx, cancel := issued(ctx)
	defer cancel()
	r, next, err := b.carryOut(ctx, api.RestoreTrash, query, to)
	if unanswered(err) && overwrite {
		return "", b.lost.lose(ctx, change, err)
	}
	if err == nil && r.Async() {
		err = b.vanished(ctx, func(ctx context.Context) (*api.Resource, error) { return b.trashed(ctx, id) })
	}
	if err != nil {
		return "", err
	}
	b.lost.answered(ctx, change, 0)
	return b.restoredTo(ctx, base, to, string(next.Href))
}

// origin is the name that an entry of the trash had.
func (b *Backend) origin(ctx context.Context, base, id string) (string, error) {
	r, err := b.trashed(ctx, id)
	if err != nil {
		return "", err
	}
	name, inside := below(base, string(r.OriginPath))
	if !inside {
		return "", &backend.Error{Kind: fs.ErrInvalid, Message: "it was outside of the folder that is open: say where to put it"}
	}
	return name, nil
}

// trashed describes an entry of the trash.
func (b *Backend) trashed(ctx context.Context, id string) (*api.Resource, error) {
	return b.api.Resource(ctx, api.Request{Call: api.GetTrash, Query: url.Values{"path": {id}, "fields": {"type,origin_path"}, "limit": {"0"}}})
}

// restoredTo is the name that a restored entry got: the link of a response at once
// names it, that of an operation does not.
func (b *Backend) restoredTo(ctx context.Context, base, to, href string) (string, error) {
	if u, err := url.Parse(href); err == nil {
		if name, inside := below(base, u.Query().Get("path")); inside {
			return name, nil
		}
	}
	if _, err := b.look(ctx, to); err != nil {
		return "", api.UncertainError{Err: errors.New("it was restored, but not to where it was asked to be")}
	}
	return to, nil
}

// Discard implements backend.Trasher.
func (b *Backend) Discard(ctx context.Context, id string) error {
	if err := checkTrashed(id); err != nil {
		return pathError("discard", id, err)
	}
	return pathError("discard", id, b.clear(ctx, id))
}

// EmptyTrash implements backend.Trasher.
func (b *Backend) EmptyTrash(ctx context.Context) error {
	page, err := b.trashPage(ctx, 0, 1)
	if err != nil {
		return pathError("empty", trashRoot, err)
	}
	if !page.Embedded.Listed() || len(page.Embedded.Items) == 0 {
		return pathError("empty", trashRoot, b.clear(ctx, ""))
	}
	return pathError("empty", trashRoot, b.clear(ctx, "", string(page.Embedded.Items[0].Path)))
}

// clear removes one entry of the trash, or with no id all. Those that are known
// must be gone in the end.
func (b *Backend) clear(ctx context.Context, id string, known ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := issued(ctx)
	defer cancel()
	query := url.Values{}
	if id != "" {
		query.Set("path", id)
		known = append(known, id)
	}
	r, _, err := b.api.Change(ctx, api.DeleteTrash, query)
	if r.Lost > 0 && hasCode(err, "DiskNotFoundError") {
		return nil
	}
	for _, id := range known {
		if err == nil && r.Async() {
			err = b.vanished(ctx, func(ctx context.Context) (*api.Resource, error) { return b.trashed(ctx, id) })
		}
	}
	return err
}
