package emulator

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") + "+00:00" }

// resource returns the Resource object of a node, without _embedded.
func (e *Emulator) resource(c *call, n *node) object {
	o := object{}
	if !n.isDir() {
		o = append(o, member{"antivirus_status", "clean"})
		switch {
		case c.knobs.SizeNull && (c.knobs.WrongFor == "" || c.knobs.WrongFor == n.name):
			o = append(o, member{"size", nil})
		case n.content.size > 0 || !c.knobs.EmptySizeAbsent:
			o = append(o, member{"size", n.content.size})
		}
	}
	comments := object{}
	if n.parent != nil {
		comments = object{{"private_resource", n.id}, {"public_resource", n.id}}
	}
	if n.shared != nil && !c.now.Before(n.shared.visible) {
		o = append(o, member{"public_key", n.shared.key}, member{"public_url", n.shared.url})
	}
	o = append(o, member{"comment_ids", comments}, member{"name", n.name}, member{"exif", object{}},
		member{"created", stamp(n.created)}, member{"resource_id", n.id}, member{"modified", stamp(n.modified)})
	if n.patched {
		var properties any
		if len(n.properties) > 0 {
			properties = n.properties
		}
		o = append(o, member{"custom_properties", properties})
	}
	if n.origin != "" {
		o = append(o, member{"deleted", stamp(n.deleted)}, member{"origin_path", n.origin})
	} else if n == e.disk.trash {
		o = append(o, member{"origin_path", nil})
	}
	if !n.isDir() {
		o = append(o, e.fileMembers(c, n)...)
	}
	kind := "file"
	if n.isDir() {
		kind = "dir"
	}
	return append(o, member{"path", e.disk.path(n)}, member{"type", kind}, member{"revision", n.revision})
}

// fileMembers returns the members that only files have.
func (e *Emulator) fileMembers(c *call, n *node) object {
	kind := kindOf(n.name)
	o := object{
		{"mime_type", kind.mime}, {"media_type", kind.media},
		{"md5", n.content.md5}, {"sha256", n.content.sha256},
		{"file", e.fileLink(c, n, linkOwner{uid: uid, ownerUID: uid, withETag: true})},
	}
	if e.hasPreview(c, n, kind) {
		preview, sizes := e.previewLinks(c, n)
		o = append(o, member{"preview", preview}, member{"sizes", sizes})
	}
	return o
}

// A page selects which children of a folder are listed.
type page struct {
	limit, offset int
	sort          string
}

func (c *call) page() (page, *failure) {
	limit, fail := c.number("limit", 20)
	if fail != nil {
		return page{}, fail
	}
	offset, fail := c.number("offset", 0)
	if fail != nil {
		return page{}, fail
	}
	return page{limit, offset, c.query.Get("sort")}, nil
}

// cut returns the page of the sorted nodes.
func (p page) cut(nodes []*node, k Knobs) []*node {
	limit := p.limit
	if k.MaxPage > 0 {
		limit = min(limit, k.MaxPage)
	}
	from := min(p.offset, len(nodes))
	return nodes[from:min(from+limit, len(nodes))]
}

// sortNodes orders nodes by a key of the API, reversed by a leading minus.
// An unknown key leaves the order.
func sortNodes(nodes []*node, key string, pathOf func(*node) string) []*node {
	orders := map[string]func(a, b *node) int{
		"name":     func(a, b *node) int { return strings.Compare(a.name, b.name) },
		"path":     func(a, b *node) int { return strings.Compare(pathOf(a), pathOf(b)) },
		"created":  func(a, b *node) int { return a.created.Compare(b.created) },
		"modified": func(a, b *node) int { return a.modified.Compare(b.modified) },
		"deleted":  func(a, b *node) int { return a.deleted.Compare(b.deleted) },
		"size":     func(a, b *node) int { return cmp.Compare(a.ownSize(), b.ownSize()) },
	}
	name, reversed := strings.CutPrefix(key, "-")
	order, ok := orders[name]
	if !ok {
		return nodes
	}
	sorted := slices.Clone(nodes)
	slices.SortStableFunc(sorted, func(a, b *node) int {
		if reversed {
			return order(b, a)
		}
		return order(a, b)
	})
	return sorted
}

func (n *node) ownSize() int64 {
	if n.content == nil {
		return 0
	}
	return n.content.size
}

// embedded returns the listing of a folder, with each child rendered by item.
func (e *Emulator) embedded(c *call, n *node, p page, item func(*node) object) object {
	var visible []*node
	for _, child := range n.list() {
		if !c.hidden(child) {
			visible = append(visible, child)
		}
	}
	items := list{}
	sorted := sortNodes(visible, p.sort, e.disk.path)
	if e.short(c, n) {
		sorted = sorted[:max(0, len(sorted)-c.knobs.ItemsLost)]
	}
	for _, child := range p.cut(sorted, c.knobs) {
		items = append(items, item(child))
	}
	return object{{"sort", p.sort}, {"items", items}, {"limit", p.limit}, {"offset", p.offset}, {"path", e.disk.path(n)}, {"total", len(visible)}}
}

// short reports whether the knobs that shorten listings apply to a folder.
func (e *Emulator) short(c *call, n *node) bool {
	return c.knobs.ShortFolder == "" || c.knobs.ShortFolder == e.disk.path(n)
}

// withListing adds the listing of a folder, or what the knobs leave of it, to
// its description.
func (e *Emulator) withListing(c *call, n *node, out, listing object) object {
	if e.short(c, n) {
		if c.knobs.ListingLost {
			return out
		}
		if c.knobs.ItemsNull {
			listing = listing.with("items", nil)
		}
		if c.knobs.TotalLost {
			listing = listing.without("total")
		}
	}
	return append(object{{"_embedded", listing}}, out...)
}

// hidden reports whether a file was uploaded so recently that its metadata
// is not visible yet.
func (c *call) hidden(n *node) bool {
	return c.knobs.MetadataDelay > 0 && !n.isDir() && c.now.Before(n.stored.Add(c.knobs.MetadataDelay))
}

// A kind is the type that the service derives from a file's name.
type kind struct{ mime, media string }

// kindOf considers only the extension; the service ignores the Content-Type of
// an upload.
func kindOf(name string) kind {
	ext := strings.ToLower(path.Ext(name))
	if ext == "" {
		if name == "Makefile" {
			return kind{"text/x-makefile", "unknown"}
		}
		return kind{"application/octet-stream", "data"}
	}
	if known, ok := kinds()[ext]; ok {
		return known
	}
	return kind{"application/octet-stream", "unknown"}
}
