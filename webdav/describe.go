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
	live  []xml.Name // of allprop or propname

	// Of the resource being appended.
	dst    []byte
	found  int       // properties with status 200
	others propstats // those with another one
}

// propnames returns the names of the live properties that a query includes
// without naming them.
func (r *request) propnames(query davxml.Propfind) []xml.Name {
	switch {
	case query.PropName:
		return slices.SortedFunc(maps.Keys(r.handler.live), compareNames)
	case query.AllProp:
		return r.handler.allprop
	}
	return nil
}

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
		for _, name := range d.live {
			d.propname(s, name)
		}
		for _, name := range deadNames(s.dead) {
			d.propname(s, name)
		}
	case d.query.AllProp:
		// RFC 4918 section 9.1.6: the live properties that cost nothing, and all
		// dead ones; only those included by name are reported missing.
		names := d.live
		if len(s.dead) > 0 {
			names = slices.Concat(names, deadNames(s.dead))
		}
		for _, name := range names {
			d.report(s, name, false)
		}
		for _, name := range d.query.Include {
			if !slices.Contains(names, name) {
				d.report(s, name, true)
			}
		}
	default:
		for _, name := range d.query.Props {
			d.report(s, name, true)
		}
	}
	return d.finish(start)
}

// propname appends the name of a property that the resource has.
func (d *describer) propname(s *subject, name xml.Name) {
	start := len(d.dst)
	with, err := d.appendProperty(d.dst, s, name)
	if err == nil {
		d.dst = davxml.AppendEmpty(with[:start], name)
		d.found++
	}
}

// report appends one property, or notes the status of the error that it has in
// its place.
func (d *describer) report(s *subject, name xml.Name, reportMissing bool) {
	with, err := d.appendProperty(d.dst, s, name)
	switch {
	case err == nil:
		d.dst = with
		d.found++
	case !errors.Is(err, errNoProperty):
		code, _ := statusOf(err)
		d.others.add(code, name)
	case reportMissing:
		d.others.add(http.StatusNotFound, name)
	}
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
