package webdav

import (
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// Namespaces of properties that clients request besides "DAV:".
const (
	nsMicrosoft = "urn:schemas-microsoft-com:"
	nsOwnCloud  = "http://owncloud.org/ns"
)

// A liveProperty is a property that the server computes.
type liveProperty struct {
	// value returns it, or errNoProperty if the resource has none.
	value func(r *request, s subject) (davxml.Prop, error)
	// always reports that allprop includes it; the others are expensive or for
	// a few clients, and only returned by name. propname includes all.
	always bool
	// setTime parses the modification time in a PROPPATCH, for aliases of it.
	// The others are protected.
	setTime func(text string) (time.Time, error)
}

// liveProperties returns the live properties (RFC 4918 section 15, RFC 4331,
// and those of single clients).
func liveProperties() map[xml.Name]liveProperty {
	dav := davxml.Name
	return map[xml.Name]liveProperty{
		dav("creationdate"):          {value: creationDate, always: true},
		dav("displayname"):           {value: displayName, always: true},
		dav("getcontentlength"):      {value: ofFile(contentLengthProperty), always: true},
		dav("getcontenttype"):        {value: ofFile(contentTypeProperty), always: true},
		dav("getetag"):               {value: entityTagProperty, always: true},
		dav("getlastmodified"):       {value: lastModifiedProperty(davxml.Name("getlastmodified")), always: true, setTime: parseHTTPTime},
		dav("resourcetype"):          {value: resourceType, always: true},
		dav("supportedlock"):         {value: supportedLock, always: true},
		dav("lockdiscovery"):         {value: lockDiscovery, always: true},
		dav("quota-available-bytes"): {value: quotaProperty("quota-available-bytes", func(total, used int64) int64 { return total - used })},
		dav("quota-used-bytes"):      {value: quotaProperty("quota-used-bytes", func(_, used int64) int64 { return used })},
		// rclone sets the time by this name, in seconds since 1970.
		dav("lastmodified"): {value: unixTimeProperty, setTime: parseUnixTime},
		// Windows Explorer sets it after each upload. It is never in allprop,
		// where getlastmodified has the same value.
		{Space: nsMicrosoft, Local: "Win32LastModifiedTime"}: {
			value:   lastModifiedProperty(xml.Name{Space: nsMicrosoft, Local: "Win32LastModifiedTime"}),
			setTime: parseHTTPTime,
		},
		// rclone compares files by it.
		{Space: nsOwnCloud, Local: "checksums"}: {value: ofFile(checksums)},
	}
}

// allpropNames lists the names of allprop in a fixed order.
func allpropNames(live map[xml.Name]liveProperty) []xml.Name {
	var names []xml.Name
	for name, p := range live {
		if p.always {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, compareNames)
	return names
}

func compareNames(a, b xml.Name) int { return strings.Compare(davxml.Key(a), davxml.Key(b)) }

// property returns one property, live or dead.
func (r *request) property(s subject, name xml.Name) (davxml.Prop, error) {
	if live, ok := r.handler.live[name]; ok {
		return live.value(r, s)
	}
	if element, ok := s.dead[davxml.Key(name)]; ok {
		return davxml.Whole(element), nil
	}
	return davxml.Prop{}, errNoProperty
}

func deadNames(dead map[string]davxml.Element) []xml.Name {
	var names []xml.Name
	for _, key := range slices.Sorted(maps.Keys(dead)) {
		names = append(names, dead[key].Name)
	}
	return names
}

func creationDate(_ *request, s subject) (davxml.Prop, error) {
	t := createdAt(s.info)
	if t.IsZero() {
		return davxml.Prop{}, errNoProperty
	}
	return davxml.Text(davxml.Name("creationdate"), t.UTC().Format("2006-01-02T15:04:05Z")), nil
}

// displayName returns the name of the file: GNOME shows it in place of the name
// in the URL. The root has none.
func displayName(r *request, s subject) (davxml.Prop, error) {
	if s.name == r.root {
		return davxml.Prop{}, errNoProperty
	}
	return davxml.Text(davxml.Name("displayname"), path.Base(s.name)), nil
}

// ofFile restricts a property to files.
func ofFile(value func(r *request, s subject) (davxml.Prop, error)) func(*request, subject) (davxml.Prop, error) {
	return func(r *request, s subject) (davxml.Prop, error) {
		if s.info.IsDir() {
			return davxml.Prop{}, errNoProperty
		}
		return value(r, s)
	}
}

func contentLengthProperty(_ *request, s subject) (davxml.Prop, error) {
	return davxml.Text(davxml.Name("getcontentlength"), contentLength(s.info)), nil
}

func contentTypeProperty(_ *request, s subject) (davxml.Prop, error) {
	mediaType, err := contentType(s.info)
	return davxml.Text(davxml.Name("getcontenttype"), mediaType), err
}

func entityTagProperty(_ *request, s subject) (davxml.Prop, error) {
	if err := entityTagError(s.info); err != nil {
		return davxml.Prop{}, err
	}
	etag := entityTag(s.info)
	if etag == "" {
		return davxml.Prop{}, errNoProperty
	}
	return davxml.Text(davxml.Name("getetag"), etag), nil
}

// lastModifiedProperty returns the modification time as an HTTP date, under the
// given name.
func lastModifiedProperty(name xml.Name) func(*request, subject) (davxml.Prop, error) {
	return func(_ *request, s subject) (davxml.Prop, error) {
		if s.info.ModTime().IsZero() {
			return davxml.Prop{}, errNoProperty
		}
		return davxml.Text(name, s.info.ModTime().UTC().Format(http.TimeFormat)), nil
	}
}

func unixTimeProperty(_ *request, s subject) (davxml.Prop, error) {
	return davxml.Text(davxml.Name("lastmodified"), strconv.FormatInt(s.info.ModTime().Unix(), 10)), nil
}

func resourceType(_ *request, s subject) (davxml.Prop, error) {
	return davxml.ResourceType(s.info.IsDir()), nil
}

// supportedLock is empty where nothing can be changed (RFC 4918 section 15.10).
func supportedLock(r *request, _ subject) (davxml.Prop, error) {
	if r.readOnly {
		return davxml.Empty(davxml.Name("supportedlock")), nil
	}
	return davxml.SupportedLock(), nil
}

func lockDiscovery(r *request, s subject) (davxml.Prop, error) {
	return davxml.LockDiscovery(r.activeLocks(s)...), nil
}

// quotaProperty returns a space property of RFC 4331, on folders only. Usage
// is called once a request.
func quotaProperty(local string, of func(total, used int64) int64) func(*request, subject) (davxml.Prop, error) {
	return func(r *request, s subject) (davxml.Prop, error) {
		if !r.handler.opts.quota || !s.info.IsDir() {
			return davxml.Prop{}, errNoProperty
		}
		total, used, err := r.usage()
		if errors.Is(err, errors.ErrUnsupported) {
			return davxml.Prop{}, errNoProperty
		}
		if err != nil {
			return davxml.Prop{}, err
		}
		bytes := max(0, of(total, used))
		return davxml.Text(davxml.Name(local), strconv.FormatInt(bytes, 10)), nil
	}
}

// checksums returns ownCloud's property, of the checksums known without reading
// the file.
func checksums(_ *request, s subject) (davxml.Prop, error) {
	var sums []string
	for _, algorithm := range []string{"SHA1", "MD5", "SHA256"} {
		if sum := hashOf(s.info, strings.ToLower(algorithm)); sum != "" {
			sums = append(sums, algorithm+":"+sum)
		}
	}
	if len(sums) == 0 {
		return davxml.Prop{}, errNoProperty
	}
	element, err := davxml.ParseElement(`<oc:checksums xmlns:oc="` + nsOwnCloud + `"><oc:checksum>` +
		strings.Join(sums, " ") + `</oc:checksum></oc:checksums>`)
	return davxml.Whole(element), err
}
