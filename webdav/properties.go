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
	// append appends it as XML, or returns errNoProperty if the resource has
	// none. After an error, what it appended is dropped.
	append func(dst []byte, r *request, s *subject) ([]byte, error)
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
		dav("creationdate"):          {append: creationDate, always: true},
		dav("displayname"):           {append: displayName, always: true},
		dav("getcontentlength"):      {append: ofFile(contentLengthProperty), always: true},
		dav("getcontenttype"):        {append: ofFile(contentTypeProperty), always: true},
		dav("getetag"):               {append: entityTagProperty, always: true},
		dav("getlastmodified"):       {append: lastModifiedProperty(davxml.Name("getlastmodified")), always: true, setTime: parseHTTPTime},
		dav("resourcetype"):          {append: resourceType, always: true},
		dav("supportedlock"):         {append: supportedLock, always: true},
		dav("lockdiscovery"):         {append: lockDiscovery, always: true},
		dav("quota-available-bytes"): {append: quotaProperty("quota-available-bytes", func(total, used int64) int64 { return total - used })},
		dav("quota-used-bytes"):      {append: quotaProperty("quota-used-bytes", func(_, used int64) int64 { return used })},
		// rclone sets the time by this name, in seconds since 1970.
		dav("lastmodified"): {append: unixTimeProperty, setTime: parseUnixTime},
		// Windows Explorer sets it after each upload. It is never in allprop,
		// where getlastmodified has the same value.
		{Space: nsMicrosoft, Local: "Win32LastModifiedTime"}: {
			append:  lastModifiedProperty(xml.Name{Space: nsMicrosoft, Local: "Win32LastModifiedTime"}),
			setTime: parseHTTPTime,
		},
		// rclone compares files by it.
		{Space: nsOwnCloud, Local: "checksums"}: {append: ofFile(checksums)},
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

// appendProperty appends one property, live or dead.
func (r *request) appendProperty(dst []byte, s *subject, name xml.Name) ([]byte, error) {
	if live, ok := r.handler.live[name]; ok {
		return live.append(dst, r, s)
	}
	if len(s.dead) > 0 {
		if element, ok := s.dead[davxml.Key(name)]; ok {
			return append(dst, element.XML...), nil
		}
	}
	return dst, errNoProperty
}

func deadNames(dead map[string]davxml.Element) []xml.Name {
	var names []xml.Name
	for _, key := range slices.Sorted(maps.Keys(dead)) {
		names = append(names, dead[key].Name)
	}
	return names
}

func creationDate(dst []byte, _ *request, s *subject) ([]byte, error) {
	t := createdAt(s.info)
	if t.IsZero() {
		return dst, errNoProperty
	}
	return appendTime(dst, davxml.Name("creationdate"), t, "2006-01-02T15:04:05Z"), nil
}

func appendTime(dst []byte, name xml.Name, t time.Time, layout string) []byte {
	dst = davxml.AppendStart(dst, name)
	return davxml.AppendEnd(t.UTC().AppendFormat(dst, layout), name)
}

func appendNumber(dst []byte, name xml.Name, n int64) []byte {
	dst = davxml.AppendStart(dst, name)
	return davxml.AppendEnd(strconv.AppendInt(dst, n, 10), name)
}

// displayName returns the name of the file: GNOME shows it in place of the name
// in the URL. The root has none.
func displayName(dst []byte, r *request, s *subject) ([]byte, error) {
	if s.name == r.root {
		return dst, errNoProperty
	}
	return davxml.AppendText(dst, davxml.Name("displayname"), path.Base(s.name)), nil
}

// ofFile restricts a property to files.
func ofFile(value func([]byte, *request, *subject) ([]byte, error)) func([]byte, *request, *subject) ([]byte, error) {
	return func(dst []byte, r *request, s *subject) ([]byte, error) {
		if s.info.IsDir() {
			return dst, errNoProperty
		}
		return value(dst, r, s)
	}
}

func contentLengthProperty(dst []byte, _ *request, s *subject) ([]byte, error) {
	return appendNumber(dst, davxml.Name("getcontentlength"), s.info.Size()), nil
}

func contentTypeProperty(dst []byte, _ *request, s *subject) ([]byte, error) {
	mediaType, err := contentType(s.info)
	return davxml.AppendText(dst, davxml.Name("getcontenttype"), mediaType), err
}

func entityTagProperty(dst []byte, _ *request, s *subject) ([]byte, error) {
	if err := entityTagError(s.info); err != nil {
		return dst, err
	}
	etag := entityTag(s.info)
	if etag == "" {
		return dst, errNoProperty
	}
	return davxml.AppendText(dst, davxml.Name("getetag"), etag), nil
}

// lastModifiedProperty returns the modification time as an HTTP date, under the
// given name.
func lastModifiedProperty(name xml.Name) func([]byte, *request, *subject) ([]byte, error) {
	return func(dst []byte, _ *request, s *subject) ([]byte, error) {
		if s.info.ModTime().IsZero() {
			return dst, errNoProperty
		}
		return appendTime(dst, name, s.info.ModTime(), http.TimeFormat), nil
	}
}

func unixTimeProperty(dst []byte, _ *request, s *subject) ([]byte, error) {
	return appendNumber(dst, davxml.Name("lastmodified"), s.info.ModTime().Unix()), nil
}

func resourceType(dst []byte, _ *request, s *subject) ([]byte, error) {
	return davxml.AppendResourceType(dst, s.info.IsDir()), nil
}

// supportedLock is empty where nothing can be changed (RFC 4918 section 15.10).
func supportedLock(dst []byte, r *request, _ *subject) ([]byte, error) {
	if r.readOnly {
		return davxml.AppendEmpty(dst, davxml.Name("supportedlock")), nil
	}
	return davxml.AppendSupportedLock(dst), nil
}

func lockDiscovery(dst []byte, r *request, s *subject) ([]byte, error) {
	return davxml.AppendLockDiscovery(dst, r.activeLocks(s)...), nil
}

// quotaProperty returns a space property of RFC 4331, on folders only. Each
// space is asked for once a request.
func quotaProperty(local string, of func(total, used int64) int64) func([]byte, *request, *subject) ([]byte, error) {
	return func(dst []byte, r *request, s *subject) ([]byte, error) {
		if !r.handler.opts.quota || !s.info.IsDir() {
			return dst, errNoProperty
		}
		space := r.spaces.in(s.name)
		if errors.Is(space.err, errors.ErrUnsupported) {
			return dst, errNoProperty
		}
		if space.err != nil {
			return dst, space.err
		}
		return appendNumber(dst, davxml.Name(local), max(0, of(space.total, space.used))), nil
	}
}

// checksums returns ownCloud's property, of the checksums known without reading
// the file.
func checksums(dst []byte, _ *request, s *subject) ([]byte, error) {
	start := len(dst)
	for _, algorithm := range []string{"SHA1", "MD5", "SHA256"} {
		sum := hashOf(s.info, strings.ToLower(algorithm))
		switch {
		case sum == "":
			continue
		case len(dst) == start:
			dst = append(dst, `<oc:checksums xmlns:oc="`+nsOwnCloud+`"><oc:checksum>`...)
		default:
			dst = append(dst, ' ')
		}
		dst = davxml.AppendEscaped(append(append(dst, algorithm...), ':'), sum)
	}
	if len(dst) == start {
		return dst, errNoProperty
	}
	return append(dst, "</oc:checksum></oc:checksums>"...), nil
}
