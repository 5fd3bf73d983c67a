package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// allFiles returns the files of the requested media types that the flat index,
// which may lag behind, contains.
func (e *Emulator) allFiles(c *call) ([]*node, *failure) {
	var media []string
	if asked := c.query.Get("media_type"); asked != "" {
		media = strings.Split(asked, ",")
		for _, m := range media {
			if !slices.Contains(mediaTypes(), m) {
				return nil, errFieldInvalid("media_type", "Unknown value.", "Неизвестное значение.")
			}
		}
	}
	var files []*node
	e.disk.root.walk(func(n *node) {
		late := c.now.Before(n.stored.Add(c.knobs.FlatListDelay))
		if !n.isDir() && !late && !c.hidden(n) && (media == nil || slices.Contains(media, kindOf(n.name).media)) {
			files = append(files, n)
		}
	})
	return files, nil
}

// items renders the items of a flat list.
func (e *Emulator) items(c *call, nodes []*node) any {
	if c.knobs.ItemsNull && c.knobs.ShortFolder == "" {
		return nil
	}
	items := list{}
	for _, n := range nodes {
		items = append(items, e.resource(c, n))
	}
	return items
}

// listFiles lists all files, by the order asked for or else by the time of
// creation, oldest first.
func (e *Emulator) listFiles(c *call) (reply, *failure) {
	p, fail := c.page()
	if fail != nil {
		return reply{}, fail
	}
	files, fail := e.allFiles(c)
	if fail != nil {
		return reply{}, fail
	}
	if p.sort == "" {
		p.sort = "created"
	}
	files = p.cut(sortNodes(files, p.sort, e.disk.path), c.knobs)
	return reply{status: http.StatusOK, body: object{{"items", e.items(c, files)}, {"limit", p.limit}, {"offset", p.offset}}}, nil
}

// lastUploaded lists files, the newest first.
func (e *Emulator) lastUploaded(c *call) (reply, *failure) {
	limit, fail := c.number("limit", 20)
	if fail != nil {
		return reply{}, fail
	}
	files, fail := e.allFiles(c)
	if fail != nil {
		return reply{}, fail
	}
	slices.SortStableFunc(files, func(a, b *node) int { return b.stored.Compare(a.stored) })
	files = page{limit: limit}.cut(files, c.knobs)
	return reply{status: http.StatusOK, body: object{{"items", e.items(c, files)}, {"limit", limit}}}, nil
}

// listPublished lists what the caller has published, newest first.
func (e *Emulator) listPublished(c *call) (reply, *failure) {
	p, fail := c.page()
	if fail != nil {
		return reply{}, fail
	}
	kind := c.query.Get("type")
	if !slices.Contains([]string{"", "dir", "file"}, kind) {
		return reply{}, errFieldInvalid("type", "Unknown value.", "Неизвестное значение.")
	}
	var nodes []*node
	e.disk.root.walk(func(n *node) {
		if n.shared != nil && !c.now.Before(n.shared.visible) && (kind == "" || n.isDir() == (kind == "dir")) {
			nodes = append(nodes, n)
		}
	})
	slices.SortStableFunc(nodes, func(a, b *node) int { return b.shared.published.Compare(a.shared.published) })
	out := object{{"items", e.items(c, p.cut(nodes, c.knobs))}, {"limit", p.limit}, {"offset", p.offset}}
	if kind != "" {
		out = out.with("type", kind)
	}
	return reply{status: http.StatusOK, body: out}, nil
}
