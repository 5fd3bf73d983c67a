package yandex

import (
	"context"
	"io/fs"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// flatFields are those of the lists without folders.
var flatFields = "items." + strings.ReplaceAll(resourceFields, ",", ",items.")

// Files implements backend.FlatLister. It lists the whole disk and leaves out
// what lies outside of the root.
func (b *Backend) Files(ctx context.Context, opts backend.FilesOptions) iter.Seq2[backend.Entry, error] {
	query := url.Values{}
	if len(opts.Types) > 0 {
		query.Set("media_type", strings.Join(opts.Types, ","))
	}
	sorts := []string{"", "name", "path", "created", "modified", "size"}
	if !slices.Contains(sorts, strings.TrimPrefix(opts.Sort, "-")) {
		return failing(backend.PathError("files", ".", fs.ErrInvalid, "files are sorted by name, path, created, modified or size"))
	}
	if opts.Recent {
		if opts.Limit > 0 {
			query.Set("limit", strconv.Itoa(opts.Limit))
		}
		return b.flat(ctx, "files", api.ListRecent, query, opts.Limit)
	}
	if opts.Sort != "" {
		query.Set("sort", opts.Sort)
	}
	return b.flat(ctx, "files", api.ListFiles, query, opts.Limit)
}

// failing returns a list that yields only an error.
func failing(err error) iter.Seq2[backend.Entry, error] {
	return func(yield func(backend.Entry, error) bool) { yield(backend.Entry{}, err) }
}

// flat yields a list without folders, each entry once, page by page. Such a
// list has no total: it ends with an empty page. The latest uploads have one
// page only.
func (b *Backend) flat(ctx context.Context, op string, c api.Call, query url.Values, limit int) iter.Seq2[backend.Entry, error] {
	return func(yield func(backend.Entry, error) bool) {
		base, err := b.base(ctx)
		if err != nil {
			yield(backend.Entry{}, pathError(op, ".", err))
			return
		}
		seen, offset := map[string]bool{}, 0
		for {
			describe := b.describer()
			items, err := b.flatPage(ctx, c, query, offset)
			if err != nil {
				yield(backend.Entry{}, pathError(op, ".", err))
				return
			}
			offset += len(items)
			for i := range items {
				name, inside := below(base, string(items[i].Path))
				if !inside || seen[name] {
					continue
				}
				if err := items[i].Check(); err != nil {
					b.log.Warn("a file is left out of a list", "name", name, "error", httpclient.Message(err))
					continue
				}
				seen[name] = true
				b.note(name, &items[i])
				if !yield(backend.Entry{Path: name, Info: describe(name, &items[i])}, nil) || len(seen) == limit {
					return
				}
			}
			if len(items) == 0 || c == api.ListRecent {
				return
			}
		}
	}
}

func (b *Backend) flatPage(ctx context.Context, c api.Call, query url.Values, offset int) ([]api.Resource, error) {
	args := maps.Clone(query)
	args.Set("fields", flatFields)
	if c != api.ListRecent {
		args.Set("limit", strconv.Itoa(pageSize))
		args.Set("offset", strconv.Itoa(offset))
	}
	var p api.Page
	if _, err := b.api.Do(ctx, api.Request{Call: c, Query: args, Out: &p}); err != nil {
		return nil, err
	}
	if !p.Listed() {
		b.log.Warn("the service does not say what is on a page of a list; the list is refused", "list", string(c), "offset", offset)
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: "the service does not say which files there are"}
	}
	return p.Items, nil
}
