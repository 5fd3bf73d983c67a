package dav

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// propfindBody asks for what an entry is made of.
const propfindBody = `<?xml version="1.0" encoding="utf-8"?>
<D:propfind xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns"><D:prop><D:resourcetype/><D:getcontentlength/><D:getlastmodified/>` +
	`<D:creationdate/><D:getetag/><D:getcontenttype/><D:quota-available-bytes/><D:quota-used-bytes/><oc:checksums/><oc:fileid/></D:prop></D:propfind>`

// entry is one resource of a multistatus body.
type entry struct {
	backend.Info           // without its name
	path         string    // decoded, without a slash at the end
	tag          string    // entity tag as the server gave it, or empty
	sha1         string    // lower-case hex, empty if unknown
	quota        [2]*int64 // available and used bytes, nil if not told
	date         time.Time // of the server, when it said so; zero if unknown
	status       int       // of the whole resource, 0: it is described
}

// strong reports whether conditions can be made of the entity tag.
func (e *entry) strong() bool { return strongTag(e.tag) }

func strongTag(tag string) bool { return len(tag) > 2 && tag[0] == '"' }

// The multistatus body (RFC 4918, section 14.16), with the properties asked for.
type (
	multistatus struct {
		XMLName   xml.Name      `xml:"DAV: multistatus"`
		Responses []xmlResponse `xml:"DAV: response"`
	}
	xmlResponse struct {
		Hrefs       []string      `xml:"DAV: href"`
		Status      string        `xml:"DAV: status"`
		Propstats   []xmlPropstat `xml:"DAV: propstat"`
		Description string        `xml:"DAV: responsedescription"`
	}
	xmlPropstat struct {
		Status string  `xml:"DAV: status"`
		Prop   xmlProp `xml:"DAV: prop"`
	}
	xmlProp struct {
		Type *struct {
			Collection *struct{} `xml:"DAV: collection"`
		} `xml:"DAV: resourcetype"`
		Length    *string  `xml:"DAV: getcontentlength"`
		Modified  string   `xml:"DAV: getlastmodified"`
		Created   string   `xml:"DAV: creationdate"`
		Tag       string   `xml:"DAV: getetag"`
		MediaType string   `xml:"DAV: getcontenttype"`
		Available string   `xml:"DAV: quota-available-bytes"`
		Used      string   `xml:"DAV: quota-used-bytes"`
		Checksums []string `xml:"http://owncloud.org/ns checksums>checksum"`
		FileID    string   `xml:"http://owncloud.org/ns fileid"`
	}
)

// propfind asks for a resource, and with depth "1" for what is in it. It returns
// all or an error: a body that ends in the middle is no XML.
func (c *client) propfind(ctx context.Context, u *url.URL, depth string) ([]entry, error) {
	resp, err := c.do(ctx, request{method: "PROPFIND", url: u, header: http.Header{"Depth": {depth}}, body: propfindBody})
	if err != nil {
		return nil, err
	}
	if resp.status != http.StatusMultiStatus {
		return nil, notDAV(resp)
	}
	entries, err := parseMultistatus(resp.body)
	if err != nil {
		if !isXML(resp.header, resp.body) {
			return nil, notDAV(resp)
		}
		return nil, fmt.Errorf("the server's listing cannot be read: %w", err)
	}
	if date, err := http.ParseTime(resp.header.Get("Date")); err == nil {
		for i := range entries {
			entries[i].date = date
		}
	}
	return entries, nil
}

// notDAV is the error of a success that is not WebDAV's.
func notDAV(resp *response) error {
	return &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf(
		"the server answered %d with %s in place of a WebDAV listing: the address is not that of a WebDAV folder, or a page to log in is before it",
		resp.status, httpclient.OneLine(resp.header.Get("Content-Type"), "nothing"))}
}

// parseMultistatus reads a multistatus body, which may be anything.
func parseMultistatus(body []byte) ([]entry, error) {
	var m multistatus
	if err := xml.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	var entries []entry
	for _, r := range m.Responses {
		if len(r.Hrefs) == 0 {
			return nil, fmt.Errorf("a response has no href")
		}
		for _, href := range r.Hrefs {
			entries = append(entries, r.entry(href))
		}
	}
	return entries, nil
}

func (r *xmlResponse) entry(href string) entry {
	decoded, slash, ok := hrefPath(href)
	e := entry{path: decoded, status: statusCode(r.Status)}
	if !ok {
		e.path = ""
	}
	if e.status >= 200 && e.status < 300 {
		e.status = 0
	}
	typed := false
	for _, p := range r.Propstats {
		if statusCode(p.Status) != http.StatusOK {
			continue
		}
		typed = typed || p.Prop.Type != nil
		e.Dir = e.Dir || p.Prop.Type != nil && p.Prop.Type.Collection != nil
		p.Prop.addTo(&e)
	}
	if !typed { // left out or refused
		e.Dir = slash
	}
	if e.Dir {
		e.Size, e.Err, e.ContentType = 0, nil, ""
		return e
	}
	if e.Size < 0 || len(r.Propstats) == 0 || !hasLength(r.Propstats) {
		e.Size = 0
		e.Err = &backend.Error{Kind: backend.ErrUnavailable, Message: "the server does not tell the size of the file"}
	}
	e.Version = e.version()
	return e
}

func hasLength(all []xmlPropstat) bool {
	for _, p := range all {
		if statusCode(p.Status) == http.StatusOK && p.Prop.Length != nil {
			return true
		}
	}
	return false
}

// addTo adds the properties to an entry.
func (p *xmlProp) addTo(e *entry) {
	if p.Length != nil {
		size, err := strconv.ParseInt(strings.TrimSpace(*p.Length), 10, 64)
		if err != nil {
			size = -1
		}
		e.Size = size
	}
	if t, err := http.ParseTime(strings.TrimSpace(p.Modified)); err == nil {
		e.ModTime = t
	}
	if t, err := time.Parse(time.RFC3339, strings.TrimSpace(p.Created)); err == nil {
		e.Created = t
	}
	if tag := strings.TrimSpace(p.Tag); tag != "" {
		e.tag = normalTag(tag)
	}
	if p.MediaType != "" {
		e.ContentType = httpclient.OneLine(p.MediaType)
	}
	if id := strings.TrimSpace(p.FileID); id != "" {
		e.ID = httpclient.OneLine(id)
	}
	for i, text := range []string{p.Available, p.Used} {
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
			e.quota[i] = &n
		}
	}
	e.addChecksums(p.Checksums)
}

// addChecksums reads oc:checksums: one or several elements with one or several
// "KIND:hex" in each.
func (e *entry) addChecksums(texts []string) {
	for _, sum := range strings.Fields(strings.Join(texts, " ")) {
		kind, value, _ := strings.Cut(sum, ":")
		value = strings.ToLower(value)
		data, err := hex.DecodeString(value)
		switch kind = strings.ToUpper(kind); {
		case err != nil:
		case kind == "MD5" && len(data) == 16:
			e.MD5 = value
		case kind == "SHA1" && len(data) == 20:
			e.sha1 = value
		case (kind == "SHA256" || kind == "SHA-256") && len(data) == sha256.Size:
			e.SHA256 = value
		}
	}
}

// normalTag returns an entity tag with its quotes, which some servers leave out
// in the property.
func normalTag(tag string) string {
	if tag == "" {
		return ""
	}
	weak := ""
	if rest, ok := strings.CutPrefix(tag, "W/"); ok {
		weak, tag = "W/", rest
	}
	if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		tag = `"` + strings.Trim(tag, `"`) + `"`
	}
	for _, c := range []byte(tag[1 : len(tag)-1]) {
		if c < 0x21 || c == '"' || c == 0x7f {
			return "" // no entity tag (RFC 9110, section 8.8.3), and not fit for a header
		}
	}
	return weak + tag
}

// opaque is an entity tag without its weakness.
func opaque(tag string) string { return strings.TrimPrefix(tag, "W/") }

// version names the content: by the entity tag, or else by size and time. A tag
// that is weak for a second and strong then, as Apache's, is the same version.
func (e *entry) version() string {
	tag := strings.Trim(opaque(e.tag), `"`)
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:+/="
	switch {
	case tag == "":
		return hashed(fmt.Sprintf("%d at %d", e.Size, e.ModTime.UnixNano()))
	case len(tag) > 40 || strings.Trim(tag, plain) != "":
		return hashed(tag)
	}
	return tag
}

// hashed is a version that is no entity tag itself, which none with a tilde is.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "~" + hex.EncodeToString(sum[:16])
}

// statusCode reads a status line, "HTTP/1.1 200 OK"; 0 if it is none.
func statusCode(line string) int {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0
	}
	code, err := strconv.Atoi(fields[1])
	if err != nil || code < 100 || code > 999 {
		return 0
	}
	return code
}

// firstFailure returns the first status of a multistatus body that is an error.
// The body is that of a COPY, DELETE, MOVE or PROPPATCH.
func firstFailure(body []byte) error {
	var m multistatus
	if err := xml.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("the server's response cannot be read: %w", err)
	}
	for _, r := range m.Responses {
		lines := []string{r.Status}
		for _, p := range r.Propstats {
			lines = append(lines, p.Status)
		}
		for _, line := range lines {
			if code := statusCode(line); code >= 300 {
				return &statusError{status: code, message: httpclient.OneLine(r.Description)}
			}
		}
	}
	return nil
}
