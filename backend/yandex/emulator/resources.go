package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"
)

// getResource returns metadata and, for a folder, a page of its children.
func (e *Emulator) getResource(c *call) (reply, *failure) {
	n, _, fail := e.existing(c)
	if fail != nil {
		return reply{}, fail
	}
	return e.describe(c, n)
}

// existing is what the parameter path names.
func (e *Emulator) existing(c *call) (*node, diskPath, *failure) {
	p, fail := c.path("path")
	if fail != nil {
		return nil, p, fail
	}
	n := e.disk.find(p, c.knobs.FoldNames)
	if n == nil || c.hidden(n) {
		return nil, p, errNotFound.ptr()
	}
	return n, p, nil
}

// describe returns the response to GET for a node of the disk or the trash.
func (e *Emulator) describe(c *call, n *node) (reply, *failure) {
	out := e.resource(c, n)
	if n.isDir() {
		p, fail := c.page()
		if fail != nil {
			return reply{}, fail
		}
		if len(n.children) > 0 || !c.knobs.EmbeddedAbsent {
			listing := e.embedded(c, n, p, func(child *node) object { return e.resource(c, child) })
			out = e.withListing(c, n, out, listing)
		}
	}
	return reply{status: http.StatusOK, body: out}, nil
}

// makeFolder creates one folder; its parent must exist.
func (e *Emulator) makeFolder(c *call) (reply, *failure) {
	p, fail := c.path("path")
	if fail != nil {
		return reply{}, fail
	}
	parent, fail := e.place(c, p)
	if fail != nil {
		return reply{}, fail
	}
	if existing := parent.child(p.name(), c.knobs.FoldNames); existing != nil {
		if existing.isDir() {
			return reply{}, errFolderExists(p.asked)
		}
		return reply{}, errExists(p.asked)
	}
	n := e.disk.newNode(p.name(), nil)
	e.disk.attach(parent, n)
	e.disk.touchParent(parent, c.knobs)
	return reply{status: http.StatusCreated, body: c.resourceLink(e.disk.path(n))}, nil
}

// place returns the folder in which p is to be created, and fails if there is
// none, if p is a root or if an operation runs there.
func (e *Emulator) place(c *call, p diskPath) (*node, *failure) {
	if p.isRoot() || p.area != "disk" {
		return nil, errNoParent(p.asked)
	}
	if len(p.parts) > 2 && p.parts[0] == applications && p.parts[1] == appName {
		e.makeAppFolder()
	}
	parent := e.disk.find(p.dir(), c.knobs.FoldNames)
	if parent == nil || !parent.isDir() {
		return nil, errNoParent(p.asked)
	}
	if fail := e.locked(c, p); fail != nil {
		return nil, fail
	}
	return parent, nil
}

// patchResource merges custom properties: keys given are set, null deletes.
func (e *Emulator) patchResource(c *call) (reply, *failure) {
	p, fail := c.path("path")
	if fail != nil {
		return reply{}, fail
	}
	changes, fail := c.properties()
	if fail != nil {
		return reply{}, fail
	}
	n := e.disk.find(p, c.knobs.FoldNames)
	if n == nil || c.hidden(n) {
		return reply{}, errNotFound.ptr()
	}
	if fail := e.locked(c, p); fail != nil {
		return reply{}, fail
	}
	sinceUpload := c.now.Sub(n.stored)
	if !n.isDir() && sinceUpload < c.knobs.PatchFails {
		return reply{}, errInternal.ptr()
	}
	if len(changes) == 0 {
		return reply{status: http.StatusOK, body: e.resource(c, n)}, nil
	}
	if !n.isDir() && sinceUpload < c.knobs.PatchLost {
		return reply{status: http.StatusOK, body: e.resource(c, n).with("custom_properties", merge(n.properties, changes))}, nil
	}
	merged := merge(n.properties, changes)
	if merged.characters() > maxProperties {
		return reply{}, errFieldInvalid("custom_properties", "Too long.", "Слишком большой объект.")
	}
	e.setProperties(n, merged, c.knobs)
	return reply{status: http.StatusOK, body: e.resource(c, n)}, nil
}

func (e *Emulator) setProperties(n *node, properties object, k Knobs) {
	n.properties, n.patched = properties, true
	n.revision = e.disk.nextRevision()
	if !k.PatchKeepsModified {
		n.modified = e.disk.second()
	}
}

// maxProperties is the documented limit of all names and values together, in
// bytes.
const maxProperties = 1024

func merge(old, changes object) object {
	merged := old
	for _, change := range changes {
		if change.value == nil {
			merged = merged.without(change.key)
		} else {
			merged = merged.with(change.key, change.value)
		}
	}
	return merged
}

func (o object) characters() int {
	n := 0
	for _, m := range o {
		n += utf8.RuneCountInString(m.key)
		if text, ok := m.value.(string); ok {
			n += utf8.RuneCountInString(text)
		} else {
			n += len(jsonStyle{}.appendJSON(nil, m.value))
		}
	}
	return n
}

// jsonBody decodes the body as one JSON object; nil if there is no body.
func (c *call) jsonBody() (map[string]json.RawMessage, *failure) {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err == nil && kind != "application/json" {
		return nil, errMediaType.ptr()
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &members); err != nil {
		return nil, errBadRequest("The body is not a JSON object.", "Некорректные данные.")
	}
	return members, nil
}

// properties decodes the body of a PATCH.
func (c *call) properties() (object, *failure) {
	members, fail := c.jsonBody()
	if fail != nil {
		return nil, fail
	}
	raw, ok := members["custom_properties"]
	if !ok {
		return nil, nil
	}
	properties, err := parseProperties(raw)
	if err != nil {
		return nil, errFieldInvalid("custom_properties", "This field must be a flat object.", "Значение должно быть плоским объектом.")
	}
	return properties, nil
}

var errNotFlat = errors.New("not a flat object")

// parseProperties decodes a flat JSON object and keeps the order of its members.
func parseProperties(raw []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotFlat
	}
	out := object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		if _, nested := value.(json.Delim); nested {
			return nil, errNotFlat
		}
		out = out.with(key.(string), value)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotFlat
	}
	return out, nil
}

// deleteResource moves a resource to the trash or deletes it permanently.
func (e *Emulator) deleteResource(c *call) (reply, *failure) {
	p, fail := c.path("path")
	if fail != nil {
		return reply{}, fail
	}
	permanently, fail := c.flag("permanently")
	if fail != nil {
		return reply{}, fail
	}
	async, fail := c.flag("force_async")
	if fail != nil {
		return reply{}, fail
	}
	if p.isRoot() {
		return reply{}, errRoot(p.asked)
	}
	n := e.disk.find(p, c.knobs.FoldNames)
	if n == nil || p.area != "disk" || c.hidden(n) {
		return reply{}, errNotFound.ptr()
	}
	if want := c.query.Get("md5"); want != "" {
		if n.isDir() {
			return reply{}, errBadRequest("md5 can be checked for files only.", "Проверка md5 возможна только для файлов")
		}
		if want != n.content.md5 {
			return reply{}, errMD5Differs.ptr()
		}
	}
	if fail := e.locked(c, p); fail != nil {
		return reply{}, fail
	}
	return e.carryOut(c, async, n, task{locks: []diskPath{p}, steps: e.removal(n, permanently, c.knobs)})
}

// carryOut makes a removal, now or as an operation.
func (e *Emulator) carryOut(c *call, async bool, n *node, work task) (reply, *failure) {
	if c.async(async, n) {
		return reply{status: http.StatusAccepted, body: e.begin(c, work)}, nil
	}
	work.run()
	return reply{status: http.StatusNoContent}, nil
}

// removal returns the deletion of n in steps, one for each child and one for n.
func (e *Emulator) removal(n *node, permanently bool, k Knobs) []step {
	remove := func(n *node) step {
		return func() bool {
			if n.parent == nil {
				return false
			}
			parent := n.parent
			e.unpublish(n)
			if permanently || parent.root() == e.disk.trash {
				e.disk.destroy(n)
			} else {
				e.disk.discard(n, k)
			}
			e.disk.touchParent(parent, k)
			return true
		}
	}
	var steps []step
	if k.OperationGradual && permanently {
		for _, child := range n.list() {
			steps = append(steps, remove(child))
		}
	}
	return append(steps, remove(n))
}
