package webdav

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/webdav/internal/davheader"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// propfind serves PROPFIND. A folder is opened once for its own info and its
// members. Everything is collected before the response begins, so that a fault
// is an error and never a truncated 207.
func (h *Handler) propfind(w http.ResponseWriter, r *request) error {
	depth, err := davheader.ReadDepth(r.Header, davheader.DepthInfinity)
	if err != nil {
		return badHeader(err)
	}
	query, err := davxml.ReadPropfind(r.xmlBody())
	if err != nil {
		return badXML(err)
	}
	members, err := r.members(depth, query)
	if err != nil {
		return err
	}
	r.describe(w, query, members)
	return nil
}

// describe answers a PROPFIND.
func (r *request) describe(w http.ResponseWriter, query davxml.Propfind, members []subject) {
	w.Header().Set("Content-Type", davxml.ContentType)
	w.Header().Set("Cache-Control", "no-cache")
	if members[0].info.IsDir() {
		r.setContentLocation(w)
	}
	body := r.newMultistatusBody(w)
	defer body.release()
	out := davxml.NewMultistatus(body, r.handler.buffers.get())
	describe := r.describer(query)
	for i := range members {
		s := &members[i]
		address, rest := r.hrefParts(s.name, s.info.IsDir())
		err := out.Append(address, rest, func(dst []byte) []byte { return describe.append(dst, s) })
		if err != nil {
			r.handler.clientGone(r, err)
		}
	}
	err := out.Close()
	if err == nil {
		err = body.Close()
	}
	if err != nil {
		r.handler.clientGone(r, err)
	}
	r.handler.buffers.put(out.Buffer())
}

// members collects the resources of a query, with the dead properties if it
// includes them. If a member has gone before its properties were read,
// everything is collected again: it may have been renamed, and a listing with
// neither name would show a state that never existed.
func (r *request) members(depth davheader.Depth, query davxml.Propfind) ([]subject, error) {
	for looks := 1; ; looks++ {
		members, err := r.gather(depth)
		if err != nil || !r.wantsDead(query) {
			return members, err
		}
		found, err := r.withDead(members)
		if err != nil || len(found) == len(members) || looks == maxLooks {
			return found, err
		}
	}
}

// withDead adds the dead properties. A member that has gone meanwhile is omitted:
// it must not make the whole folder look missing.
func (r *request) withDead(members []subject) (found []subject, err error) {
	found = make([]subject, 0, len(members))
	for i, m := range members {
		if undescribed(m.info) != nil {
			found = append(found, m)
			continue
		}
		if m.dead, err = r.deadProperties(m); err == nil {
			found = append(found, m)
		} else if i == 0 || !isMissing(err) {
			return nil, err
		}
	}
	return found, nil
}

// undescribed is why a file system lists something that it cannot describe, or
// nil.
func undescribed(info fs.FileInfo) error {
	if u, ok := info.(Undescribed); ok {
		return u.Err()
	}
	return nil
}

// A subject is a resource whose properties are requested.
type subject struct {
	name string
	info fs.FileInfo
	dead map[string]davxml.Element
	// unlocked: it is not a name of the share, so no lock covers it.
	unlocked bool
}

// gather returns the resource of a PROPFIND and its members down to the requested
// depth.
func (r *request) gather(depth davheader.Depth) ([]subject, error) {
	if depth == davheader.DepthZero {
		info, err := r.mustLook(r.name)
		return []subject{{name: r.name, info: info}}, err
	}
	bound := r.handler.opts.infinity
	if depth == davheader.DepthOne {
		bound = 0
	} else if bound == 0 {
		info, err := r.mustLook(r.name)
		if err != nil || !info.IsDir() {
			return []subject{{name: r.name, info: info}}, err
		}
		return nil, errInfinite
	}
	return r.walk(nil, r.name, depth, bound)
}

// errInfinite refuses a PROPFIND with Depth infinity (RFC 4918 section 9.1).
var errInfinite error = &statusError{
	status: http.StatusForbidden, reason: "ask for one folder at a time",
	precondition: davxml.Precondition{Name: davxml.PropfindFiniteDepth},
}

// walk appends a resource and its members, for depth infinity the whole tree,
// to found, up to bound resources.
func (r *request) walk(found []subject, name string, depth davheader.Depth, bound int) ([]subject, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	self, children, err := r.files.list(name)
	if err != nil {
		if !isMissing(err) {
			return nil, err
		}
		if self = r.placeholder(name); self == nil {
			return nil, errMissing
		}
	}
	found = append(found, subject{name: name, info: self})
	if !self.IsDir() {
		return found, nil
	}
	children = r.withPlaceholders(name, children)
	if bound > 0 && len(children) > bound-len(found) {
		return nil, errInfinite
	}
	found = slices.Grow(found, len(children))
	member := membersOf(name, children)
	for _, child := range children {
		below := member(child.Name())
		if bound > 0 && len(found) >= bound {
			return nil, errInfinite
		}
		if depth == davheader.DepthOne || !child.IsDir() {
			found = append(found, subject{name: below, info: child})
			continue
		}
		deeper, err := r.walk(found, strings.Clone(below), depth, bound) // it may be kept for longer than its siblings
		switch {
		case err == nil:
			found = deeper
		case !errors.Is(err, errMissing): // or gone meanwhile
			return nil, err
		}
	}
	return found, nil
}

// membersOf returns a function that returns the names of what is in a folder, which
// share the memory that children need.
func membersOf(folder string, children []fs.FileInfo) func(base string) string {
	folder = strings.TrimSuffix(folder, "/") + "/"
	size := 0
	for _, child := range children {
		size += len(folder) + len(child.Name())
	}
	var all strings.Builder
	all.Grow(size)
	return func(base string) string {
		start := all.Len()
		all.WriteString(folder)
		all.WriteString(base)
		return path.Clean(all.String()[start:]) // which copies nothing that is clean
	}
}

// withPlaceholders adds the placeholders in a folder.
func (r *request) withPlaceholders(folder string, children []fs.FileInfo) []fs.FileInfo {
	var missing map[string]lock.Placeholder
	if !r.hidesPlaceholders() {
		missing = r.handler.locks.PlaceholdersIn(folder)
	}
	if len(missing) > 0 {
		for _, child := range children {
			delete(missing, child.Name())
		}
	}
	for name, p := range missing {
		children = append(children, placeholder{name, p})
	}
	slices.SortFunc(children, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return children
}

// wantsDead reports whether a query can include dead properties. Those of file
// managers usually name live properties only, which saves reading the dead ones.
func (r *request) wantsDead(query davxml.Propfind) bool {
	if query.AllProp || query.PropName {
		return true
	}
	return slices.ContainsFunc(query.Props, func(name xml.Name) bool {
		_, live := r.handler.live[name]
		return !live
	})
}
