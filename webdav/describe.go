package webdav

import (
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// A describer appends the properties of resources, one after the other, that one
// PROPFIND queries.
type describer struct {
	*request
	query davxml.Propfind
	names []queried // those that the query includes or names, but for dead ones not named

	// Of the resource being appended.
	dst    []byte
	found  int       // properties with status 200
	others propstats // those with another one
}

// A queried is a property that a query asks for, looked up once for all resources.
type queried struct {
	name xml.Name
	live *liveProperty // nil: a dead one
}

func (r *request) describer(query davxml.Propfind) describer {
	d := describer{request: r, query: query}
	names := query.Props
	switch {
	case query.PropName:
		names = slices.SortedFunc(maps.Keys(r.handler.live), compareNames)
	case query.AllProp:
		names = r.handler.allprop
	}
	for _, name := range names {
		d.names = append(d.names, d.queried(name))
	}
	return d
}

func (d *describer) queried(name xml.Name) queried { return queried{name, d.handler.live[name]} }

// append appends the properties of one resource that the query names, and with
// 404 those it does not have.
func (d *describer) append(dst []byte, s *subject) []byte {
	if err := undescribed(s.info); err != nil {
		code, _ := statusOf(err)
		return davxml.AppendStatus(dst, code)
	}
	start := len(dst)
	d.dst, d.found, d.others = davxml.AppendPropstatStart(dst), 0, d.others[:0]
	switch {
	case d.query.PropName:
		for _, p := range d.names {
			d.propname(s, p)
		}
		for _, name := range deadNames(s.dead) {
			d.propname(s, d.queried(name))
		}
	case d.query.AllProp:
		// RFC 4918 section 9.1.6: the live properties that cost nothing, and all
		// dead ones; only those included by name are reported missing.
		for _, p := range d.names {
			d.report(s, p, false)
		}
		if len(s.dead)+len(d.query.Include) > 0 {
			d.include(s)
		}
	default:
		for _, p := range d.names {
			d.report(s, p, true)
		}
	}
	return d.finish(start)
}

// include appends what allprop has beside the live properties.
func (d *describer) include(s *subject) {
	dead := deadNames(s.dead)
	for _, name := range dead {
		d.report(s, d.queried(name), false)
	}
	for _, name := range d.query.Include {
		if !slices.Contains(d.handler.allprop, name) && !slices.Contains(dead, name) {
			d.report(s, d.queried(name), true)
		}
	}
}

// propname appends the name of a property that the resource has.
func (d *describer) propname(s *subject, p queried) {
	start := len(d.dst)
	with, err := d.appendProperty(d.dst, s, p)
	if err == nil {
		d.dst = davxml.AppendEmpty(with[:start], p.name)
		d.found++
	}
}

// report appends one property, or notes the status of the error that it has in
// its place.
func (d *describer) report(s *subject, p queried, reportMissing bool) {
	with, err := d.appendProperty(d.dst, s, p)
	switch {
	case err == nil:
		d.dst = with
		d.found++
	case !errors.Is(err, errNoProperty):
		code, _ := statusOf(err)
		d.others.add(code, p.name)
	case reportMissing:
		d.others.add(http.StatusNotFound, p.name)
	}
}

// appendProperty appends one property, live or dead.
func (d *describer) appendProperty(dst []byte, s *subject, p queried) ([]byte, error) {
	if p.live != nil {
		return p.live.append(dst, p.live.tag, d.request, s)
	}
	if len(s.dead) > 0 {
		if element, ok := s.dead[davxml.Key(p.name)]; ok {
			return append(dst, element.XML...), nil
		}
	}
	return dst, errNoProperty
}

// finish appends the others. 200 comes first: some clients read no further than
// the first status. start is where the properties begin.
func (d *describer) finish(start int) []byte {
	if d.found > 0 {
		d.dst = davxml.AppendPropstatEnd(d.dst, http.StatusOK)
	} else {
		d.dst = d.dst[:start]
	}
	dst, more := davxml.AppendPropstats(d.dst, d.others)
	if d.found == 0 && !more {
		dst = davxml.AppendStatus(dst, http.StatusOK)
	}
	return dst
}

// propstats groups names of properties by status.
type propstats []davxml.Propstat

// add adds a name, the first group being that of 200. It uses the memory of
// groups that were cut off.
func (p *propstats) add(status int, name xml.Name) {
	i := slices.IndexFunc(*p, func(p davxml.Propstat) bool { return p.Status == status })
	if i < 0 {
		i = len(*p)
		*p = slices.Grow(*p, 1)[:i+1]
		group := davxml.Propstat{Status: status, Names: (*p)[i].Names[:0]}
		if status == http.StatusOK {
			copy((*p)[1:], *p)
			i = 0
		}
		(*p)[i] = group
	}
	(*p)[i].Names = append((*p)[i].Names, name)
}

// errNoProperty means that a resource does not have a property.
var errNoProperty = errors.New("no such property")
