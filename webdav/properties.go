package webdav

import (
	"encoding/xml"
	"errors"
	"maps"
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
	tag davxml.Tag
	// append appends it as XML, or returns errNoProperty if the resource has
	// none. After an error, what it appended is dropped.
	append appender
	// always reports that allprop includes it; the others are expensive or for
	// a few clients, and only returned by name. propname includes all.
	always bool
	// setTime parses the modification time in a PROPPATCH, for aliases of it.
	// The others are protected.
	setTime func(text string) (time.Time, error)
}

// An appender appends a live property of a resource, which has the tag.
type appender func(dst []byte, tag davxml.Tag, r *request, s *subject) ([]byte, error)

// liveProperties returns the live properties (RFC 4918 section 15, RFC 4331,
// and those of single clients).
func liveProperties() map[xml.Name]*liveProperty {
	dav := davxml.Name
	live := map[xml.Name]*liveProperty{
		dav("creationdate"):          {append: creationDate, always: true},
		dav("displayname"):           {append: displayName, always: true},
		dav("getcontentlength"):      {append: ofFile(contentLengthProperty), always: true},
		dav("getcontenttype"):        {append: ofFile(contentTypeProperty), always: true},
		dav("getetag"):               {append: entityTagProperty, always: true},
		dav("getlastmodified"):       {append: lastModifiedProperty, always: true, setTime: parseHTTPTime},
		dav("resourcetype"):          {append: resourceType, always: true},
		dav("supportedlock"):         {append: supportedLock, always: true},
		dav("lockdiscovery"):         {append: lockDiscovery, always: true},
		dav("quota-available-bytes"): {append: quotaProperty(func(total, used int64) int64 { return total - used })},
		dav("quota-used-bytes"):      {append: quotaProperty(func(_, used int64) int64 { return used })},
		// rclone sets the time by this name, in seconds since 1970.
		dav("lastmodified"): {append: unixTimeProperty, setTime: parseUnixTime},
		// Windows Explorer sets it after each upload. It is never in allprop,
		// where getlastmodified has the same value.
		{Space: nsMicrosoft, Local: "Win32LastModifiedTime"}: {
			append:  lastModifiedProperty,
			setTime: parseHTTPTime,
		},
		// rclone compares files by it.
		{Space: nsOwnCloud, Local: "checksums"}: {append: ofFile(checksums)},
	}
	for name, p := range live {
		p.tag = davxml.NewTag(name)
	}
	return live
}

// allpropNames lists the names of allprop in a fixed order.
func allpropNames(live map[xml.Name]*liveProperty) []xml.Name {
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

func deadNames(dead map[string]davxml.Element) []xml.Name {
	var names []xml.Name
	for _, key := range slices.Sorted(maps.Keys(dead)) {
		names = append(names, dead[key].Name)
	}
	return names
}

func creationDate(dst []byte, tag davxml.Tag, _ *request, s *subject) ([]byte, error) {
	t := createdAt(s.info)
	if t.IsZero() {
		return dst, errNoProperty
	}
	return tag.AppendEnd(t.UTC().AppendFormat(tag.AppendStart(dst), time.RFC3339)), nil
}

func appendNumber(dst []byte, tag davxml.Tag, n int64) []byte {
	return tag.AppendEnd(strconv.AppendInt(tag.AppendStart(dst), n, 10))
}

// displayName returns the name of the file: GNOME shows it in place of the name
// in the URL. The root has none.
func displayName(dst []byte, tag davxml.Tag, r *request, s *subject) ([]byte, error) {
	if s.name == r.root {
		return dst, errNoProperty
	}
	return tag.AppendText(dst, path.Base(s.name)), nil
}

// ofFile restricts a property to files.
func ofFile(value appender) appender {
	return func(dst []byte, tag davxml.Tag, r *request, s *subject) ([]byte, error) {
		if s.info.IsDir() {
			return dst, errNoProperty
		}
		return value(dst, tag, r, s)
	}
}

func contentLengthProperty(dst []byte, tag davxml.Tag, _ *request, s *subject) ([]byte, error) {
	return appendNumber(dst, tag, s.info.Size()), nil
}

func contentTypeProperty(dst []byte, tag davxml.Tag, _ *request, s *subject) ([]byte, error) {
	mediaType, err := contentType(s.info)
	return tag.AppendText(dst, mediaType), err
}

func entityTagProperty(dst []byte, tag davxml.Tag, _ *request, s *subject) ([]byte, error) {
	if err := entityTagError(s.info); err != nil {
		return dst, err
	}
	etag := entityTag(s.info)
	if etag == "" {
		return dst, errNoProperty
	}
	return tag.AppendText(dst, etag), nil
}

// lastModifiedProperty returns the modification time as an HTTP date.
func lastModifiedProperty(dst []byte, tag davxml.Tag, _ *request, s *subject) ([]byte, error) {
	t := s.info.ModTime()
	if t.IsZero() {
		return dst, errNoProperty
	}
	return tag.AppendEnd(appendHTTPTime(tag.AppendStart(dst), t)), nil
}

func unixTimeProperty(dst []byte, tag davxml.Tag, _ *request, s *subject) ([]byte, error) {
	return appendNumber(dst, tag, s.info.ModTime().Unix()), nil
}

func resourceType(dst []byte, _ davxml.Tag, _ *request, s *subject) ([]byte, error) {
	return davxml.AppendResourceType(dst, s.info.IsDir()), nil
}

// supportedLock is empty where nothing can be changed (RFC 4918 section 15.10).
func supportedLock(dst []byte, tag davxml.Tag, r *request, _ *subject) ([]byte, error) {
	if r.readOnly {
		return tag.AppendEmpty(dst), nil
	}
	return davxml.AppendSupportedLock(dst), nil
}

// lockDiscovery is not known at a gateway that is no member: others may have granted
// locks, and ended some, that it has not heard of.
func lockDiscovery(dst []byte, _ davxml.Tag, r *request, s *subject) ([]byte, error) {
	was := r.handler.epoch()
	locks := r.activeLocks(s)
	if err := r.handler.asMember(was, nil); err != nil {
		return dst, err
	}
	return davxml.AppendLockDiscovery(dst, locks...), nil
}

// quotaProperty returns a space property of RFC 4331, on folders only. Each
// space is asked for once a request.
func quotaProperty(of func(total, used int64) int64) appender {
	return func(dst []byte, tag davxml.Tag, r *request, s *subject) ([]byte, error) {
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
		return appendNumber(dst, tag, max(0, of(space.total, space.used))), nil
	}
}

// checksums returns ownCloud's property, of the checksums known without reading
// the file.
func checksums(dst []byte, _ davxml.Tag, _ *request, s *subject) ([]byte, error) {
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
