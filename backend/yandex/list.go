package yandex

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

const (
	// pageSize is the longest page requested. The service has no
	// documented limit, and times out on pages of 10,000.
	pageSize = 1000
	// maxEntries is the maximum plausible number of entries of a folder.
	maxEntries = 1_000_000
	// pagesAtOnce is how many pages of a folder are requested at a time: those of
	// 10,000 entries after the first.
	pagesAtOnce = 9
	// listTries is how often a listing that does not add up is tried.
	listTries = 3
)

// listFields are those of a folder, its total and its entries, whose paths follow
// from their names.
var listFields = resourceFields + ",_embedded.total," + embedded(strings.Replace(resourceFields, ",path,", ",", 1))

// embedded are the fields of the entries of a folder.
func embedded(fields string) string {
	return "_embedded.items." + strings.ReplaceAll(fields, ",", ",_embedded.items.")
}

// List implements backend.Backend. The children are those of one moment: the
// listing is repeated if its pages do not add up to the total that the
// service gives, since a listing that lacks files would make others delete
// theirs. One that stays short is backend.ErrUnavailable.
func (b *Backend) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, _, err := b.list(ctx, name, maxEntries)
	return self, children, err
}

// ListSome implements backend.PartLister: it reads only the first page of a
// folder of more than most entries.
func (b *Backend) ListSome(ctx context.Context, name string, most int) (self backend.Info, children iter.Seq2[backend.Info, error], whole bool, err error) {
	return b.list(ctx, name, most)
}

func (b *Backend) list(ctx context.Context, name string, most int) (backend.Info, iter.Seq2[backend.Info, error], bool, error) {
	l := lister{
		b: b, folder: name, id: byName, most: most,
		page: func(ctx context.Context, offset, limit int) (*api.Resource, error) {
			return b.folderPage(ctx, name, offset, limit)
		},
	}
	describe := b.describer()
	self, items, whole, err := b.complete(ctx, name, l)
	if err != nil {
		return backend.Info{}, nil, false, pathError("list", name, err)
	}
	b.note(name, self)
	info := describe(name, self)
	if !info.Dir {
		return info, nil, false, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	b.unusable.Delete(name)
	var unusable []string
	items = keep(items, func(r *api.Resource) bool {
		if b.usable(name, r) {
			return true
		}
		unusable = append(unusable, string(r.Name))
		return false
	})
	if len(unusable) > 0 {
		b.unusable.Store(name, unusable)
	}
	for i := range items {
		b.recent.observed(path.Join(name, string(items[i].Name)), &items[i]) // its link came with the page
	}
	if whole {
		b.recent.listed(name)
	}
	return info, infos(name, items, describe), whole, nil
}

// infos describes the entries of a folder.
func infos(folder string, items []api.Resource, info func(string, *api.Resource) backend.Info) iter.Seq2[backend.Info, error] {
	return func(yield func(backend.Info, error) bool) {
		for i := range items {
			if !yield(info(path.Join(folder, string(items[i].Name)), &items[i]), nil) {
				return
			}
		}
	}
}

// complete lists a folder, and retries while recently stored files are
// missing. whole is false if it was left after its first page.
func (b *Backend) complete(ctx context.Context, name string, l lister) (self *api.Resource, items []api.Resource, whole bool, err error) {
	for try := 0; ; try++ {
		g, err := l.list(ctx)
		if err != nil || g.left || g.self.Type != "dir" || try == notFoundTries || !b.recent.lacks(name, g.items) {
			return g.self, g.items, !g.left, err
		}
		if err := b.api.Backoff(ctx, try); err != nil {
			return nil, nil, false, err
		}
	}
}

// usable reports whether an entry of a folder can be addressed. Others are
// omitted and logged.
func (b *Backend) usable(folder string, r *api.Resource) bool {
	if r.CheckType() == nil && usable(string(r.Name)) {
		return true
	}
	b.log.Warn("an entry whose name cannot be addressed is left out", "folder", folder, "name", string(r.Name), "type", string(r.Type))
	return false
}

// Omitted returns an error for each entry that the last listing of a folder left
// out: what copies or deletes by listings must know. It makes no call.
func (b *Backend) Omitted(ctx context.Context, folder string) ([]error, error) {
	if _, err := b.path(folder); err != nil {
		return nil, pathError("list", folder, err)
	}
	names, ok := b.unusable.Load(folder)
	if !ok {
		return nil, ctx.Err()
	}
	var all []error
	for _, name := range names.([]string) {
		message := fmt.Sprintf("the service lists %q there, which nothing can be called", name)
		all = append(all, backend.PathError("list", path.Join(folder, path.Base(name)), fs.ErrInvalid, message))
	}
	return all, ctx.Err()
}

// folderPage requests a page of a folder. The links in it are noted, and removed
// from the entries: each is longer than all else that is known of a file, and
// those of a large folder would be in memory until its last page has come.
func (b *Backend) folderPage(ctx context.Context, name string, offset, limit int) (*api.Resource, error) {
	r, err := b.resource(ctx, name, api.Request{Call: api.GetResource, Query: url.Values{
		"fields": {listFields}, "limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)},
	}})
	if err != nil || !r.Embedded.Listed() {
		return r, err
	}
	for i := range r.Embedded.Items {
		item := &r.Embedded.Items[i]
		b.links.note(item)
		item.File = ""
	}
	return r, nil
}

// lister lists a folder from its pages.
type lister struct {
	b      *Backend
	folder string                         // its name in the log
	id     func(r *api.Resource) api.Text // what identifies entries
	most   int                            // entries; a folder of more is left after its first page
	page   func(ctx context.Context, offset, limit int) (*api.Resource, error)
}

// gathered is the content of the pages of a folder.
type gathered struct {
	self  *api.Resource
	items []api.Resource
	shown bool // the service returned a list of entries
	total int  // the total of the service; -1 if there is none
	whole bool // the pages are consistent with each other and with the total
	left  bool // only the first page was read: there are too many
}

// short reports whether entries are missing, or may be.
func (g gathered) short() bool { return !g.shown || g.total < 0 || len(g.items) < g.total }

// list returns the folder itself and all entries, each name once.
func (l lister) list(ctx context.Context) (gathered, error) {
	var last []api.Text
	for try := 1; ; try++ {
		g, err := l.gather(ctx)
		if err != nil {
			return gathered{}, err
		}
		if g.whole || g.left {
			return g, nil
		}
		// Entries moved from one page to another while they were read, or the
		// service does not show all, or it has no fixed order. Without a change
		// the entries are the same each time.
		ids := l.ids(g.items)
		switch same := slices.Equal(ids, last); {
		case try < listTries:
		case !same:
			return gathered{}, &backend.Error{Kind: backend.ErrUnavailable, Message: "the folder changes while it is being listed"}
		case g.short():
			return g, l.checkShort(g)
		default:
			return g, nil
		}
		last = ids
		if err := l.b.api.Backoff(ctx, try-1); err != nil {
			return gathered{}, err
		}
	}
}

func byName(r *api.Resource) api.Text { return r.Name }

// ids are those of all entries, in an order of their own.
func (l lister) ids(items []api.Resource) []api.Text {
	ids := make([]api.Text, len(items))
	for i := range items {
		ids[i] = l.id(&items[i])
	}
	slices.Sort(ids)
	return ids
}

// gather reads the first page, then the others several at a time. The service
// may cut pages short without saying so: the first one shows how long they are. Where
// it gives no total, or one that is too small, pages are read until one is
// empty.
//
// Each later page begins with the last entry of the one before. If it does
// not, what is before it has changed meanwhile, and an entry may have slipped
// through between the two; the total does not show that if another one came.
// Then, and if the total does not fit, the listing is not whole.
func (l lister) gather(ctx context.Context) (gathered, error) {
	self, err := l.page(ctx, 0, pageSize)
	if err != nil || self.Type == "file" {
		return gathered{self: self, whole: true}, err
	}
	first := self.Embedded
	self.Embedded = nil
	g := gathered{self: self, shown: first.Listed(), total: first.Count()}
	if g.total > maxEntries {
		return gathered{}, &backend.Error{Kind: backend.ErrUnavailable, Message: "the service says that the folder has too many entries"}
	}
	if !g.shown {
		return g, nil
	}
	items, total, whole := first.Items, g.total, true
	if l.most > 0 && total > l.most && len(items) > 0 {
		g.items, g.left = l.unique(items), true
		return g, nil
	}
	switch got := len(items); {
	case got == 0:
	case got > total:
		more, err := l.span(ctx, got, maxEntries)
		if err != nil {
			return gathered{}, err
		}
		items = append(items, more...)
	case got < total:
		step := got
		if got < pageSize {
			step = max(1, got-1) // so that a page that is cut has room for the one before
		}
		pages := make([][]api.Resource, (total-got+step-1)/step) // those after the first
		reading, ctx := errgroup.WithContext(ctx)
		reading.SetLimit(pagesAtOnce)
		for i := range pages {
			reading.Go(func() (err error) {
				from := got + i*step
				pages[i], err = l.span(ctx, from-1, min(from+step, total))
				return err
			})
		}
		if err := reading.Wait(); err != nil {
			return gathered{}, err
		}
		read := 0
		for _, page := range pages {
			read += len(page)
		}
		items = slices.Grow(items, read)
		for i, page := range pages {
			follows := len(page) > 0 && l.id(&page[0]) == l.id(&items[len(items)-1])
			if whole = whole && follows; follows && l.id(&page[0]) != "" {
				page = page[1:] // which unique would remove
			}
			items = append(items, page...)
			pages[i] = nil // a large folder needs the memory once only
		}
	}
	g.items = l.unique(items)
	g.whole = whole && len(g.items) == total
	return g, nil
}

// span reads the entries from one place to another, in as many pages as the
// service makes of them.
func (l lister) span(ctx context.Context, from, to int) (items []api.Resource, err error) {
	for from < to {
		r, err := l.page(ctx, from, min(to-from, pageSize+1)) // one more, for the overlap
		if err != nil {
			return nil, err
		}
		if !r.Embedded.Listed() || len(r.Embedded.Items) == 0 {
			break
		}
		if items == nil {
			items = r.Embedded.Items
		} else {
			items = append(items, r.Embedded.Items...)
		}
		from += len(r.Embedded.Items)
	}
	return items, nil
}

// unique keeps the first of entries that are the same. Those that have nothing
// to identify them by are all kept.
func (l lister) unique(items []api.Resource) []api.Resource {
	ascending := true // as the service usually lists them: then none is there twice
	for i := 1; i < len(items) && ascending; i++ {
		ascending = l.id(&items[i-1]) < l.id(&items[i])
	}
	if ascending {
		return items
	}
	seen := make(map[api.Text]struct{}, len(items))
	return keep(items, func(r *api.Resource) bool {
		id := l.id(r)
		if _, again := seen[id]; again {
			return false
		}
		if id != "" {
			seen[id] = struct{}{}
		}
		return true
	})
}

// keep removes the entries that ok does not want. Unlike slices.DeleteFunc it does not
// copy each of them to look at it.
func keep(items []api.Resource, ok func(r *api.Resource) bool) []api.Resource {
	kept := 0
	for i := range items {
		if !ok(&items[i]) {
			continue
		}
		if kept != i {
			items[kept] = items[i]
		}
		kept++
	}
	clear(items[kept:])
	return items[:kept]
}
