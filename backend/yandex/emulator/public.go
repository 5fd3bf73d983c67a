package emulator

import (
	"net/http"
	"strings"
)

// published returns the share and the node of a public key or address and a
// path inside it.
func (e *Emulator) published(c *call) (*share, *node, *failure) {
	key, fail := c.required("public_key")
	if fail != nil {
		return nil, nil, fail
	}
	notFound := errNotFound
	if c.knobs.PublicNotFoundCode != "" {
		notFound.code = c.knobs.PublicNotFoundCode
	}
	key = strings.Replace(key, "https://disk.yandex.ru/d/", "https://yadi.sk/d/", 1)
	s := e.shares[key]
	if s == nil || s.until > 0 && c.now.Unix() >= s.until {
		return nil, nil, &notFound
	}
	if s.password != "" {
		return nil, nil, errPassword.ptr()
	}
	n := s.node
	for part := range strings.SplitSeq(c.query.Get("path"), "/") {
		if part == "" {
			continue
		}
		if n = n.child(part, c.knobs.FoldNames); n == nil {
			return nil, nil, &notFound
		}
	}
	return s, n, nil
}

// insidePath returns the path of n relative to the shared node, "/" for the
// node itself.
func (e *Emulator) insidePath(s *share, n *node) string {
	inside := strings.TrimPrefix(e.disk.path(n), e.disk.path(s.node))
	if inside == "" {
		return "/"
	}
	return inside
}

// publicResource returns the public form of a Resource.
func (e *Emulator) publicResource(c *call, s *share, n *node) object {
	o := e.resource(c, n).without("custom_properties").with("path", e.insidePath(s, n)).with("public_key", s.key)
	if n == s.node {
		o = o.with("public_url", s.url)
	}
	if n.isDir() {
		return o
	}
	return o.with("file", e.fileLink(c, n, linkOwner{uid: "0", ownerUID: "0", withETag: true})).with("views_count", 0)
}

// getPublic describes a public resource and, for a folder, lists a page of it.
func (e *Emulator) getPublic(c *call) (reply, *failure) {
	s, n, fail := e.published(c)
	if fail != nil {
		return reply{}, fail
	}
	out := e.publicResource(c, s, n)
	if n.isDir() {
		p, fail := c.page()
		if fail != nil {
			return reply{}, fail
		}
		listing := e.embedded(c, n, p, func(child *node) object { return e.publicResource(c, s, child) })
		out = e.withListing(c, n, out, listing.with("path", e.insidePath(s, n)).with("public_key", s.key))
	}
	return reply{status: http.StatusOK, body: out}, nil
}

// publicDownload returns a link to a public file or an archive of a public folder.
func (e *Emulator) publicDownload(c *call) (reply, *failure) {
	s, n, fail := e.published(c)
	if fail != nil {
		return reply{}, fail
	}
	if c.knobs.PublicDownloads > 0 && s.downloads >= c.knobs.PublicDownloads {
		return reply{}, errTooManyDownloads.ptr()
	}
	s.downloads++
	hash := s.key + ":" + strings.TrimSuffix(e.insidePath(s, n), "/")
	return reply{status: http.StatusOK, body: e.downloadLinkTo(c, n, linkOwner{uid: "0", ownerUID: uid, hash: hash})}, nil
}

// saveToDisk copies a public resource to the caller's disk.
func (e *Emulator) saveToDisk(c *call) (reply, *failure) {
	_, n, fail := e.published(c)
	if fail != nil {
		return reply{}, fail
	}
	async, fail := c.flag("force_async")
	if fail != nil {
		return reply{}, fail
	}
	folder := diskPath{area: "disk", parts: []string{downloads}}
	if value := c.query.Get("save_path"); value == "" {
		e.makeAll(folder)
	} else if folder, fail = c.parse(value); fail != nil {
		return reply{}, fail
	}
	name := c.query.Get("name")
	if name == "" {
		name = n.name
	}
	to, fail := parsePath(strings.TrimSuffix(folder.String(), "/")+"/"+name, c.knobs)
	if fail != nil {
		return reply{}, fail
	}
	if _, fail := e.place(c, to); fail != nil {
		return reply{}, fail
	}
	if e.disk.find(to, c.knobs.FoldNames) != nil {
		to = e.freeName(to)
	}
	if e.disk.used+n.size() > c.knobs.totalSpace() {
		return reply{}, e.quota(c.knobs)
	}
	work := task{locks: []diskPath{to}, steps: []step{func() bool {
		return n.parent != nil && e.put(e.disk.copyTree(n, to.name(), c.knobs), to, false, c.knobs)
	}}}
	if c.async(async || n.isDir(), n) {
		return reply{status: http.StatusAccepted, body: e.begin(c, work)}, nil
	}
	work.run()
	return reply{status: http.StatusCreated, body: c.resourceLink(to.String())}, nil
}
