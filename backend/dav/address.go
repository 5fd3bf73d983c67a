package dav

import (
	"io/fs"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

// rootPath is the decoded path of the root: that of the address, and the root
// below it, which no ".." leaves.
func rootPath(base *url.URL, root string) (string, error) {
	clean := strings.TrimPrefix(path.Clean("/"+root), "/")
	if clean == "" {
		clean = "."
	}
	if err := backend.CheckName("open", clean); err != nil {
		return "", err
	}
	return strings.TrimSuffix(path.Join("/", base.Path, clean), "/"), nil
}

// path returns the decoded path of a name on the server, without a slash at
// its end.
func (c *client) path(name string) string {
	if name == "." {
		return c.root
	}
	return c.root + "/" + outward(name)
}

// asidePrefix stands on the server in place of ownname.Prefix, the names under
// which a caller puts files aside for a while: a davdisk at the other end refuses
// that one, and some servers do not list names that begin with a dot.
const asidePrefix = "~davdisk."

// outward returns a name as the server has it.
func outward(name string) string {
	if !strings.Contains(name, ownname.Prefix) {
		return name
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if rest, ok := strings.CutPrefix(part, ownname.Prefix); ok {
			parts[i] = asidePrefix + rest
		}
	}
	return strings.Join(parts, "/")
}

// inward returns the base name for one of the server. It reports false for one
// that no name leads to.
func inward(base string) (string, bool) {
	if rest, ok := strings.CutPrefix(base, asidePrefix); ok {
		base = ownname.Prefix + rest
		return base, usable(base)
	}
	return base, usable(base) && !strings.HasPrefix(base, ownname.Prefix)
}

// address returns the URL of a name. A folder's has a slash at the end (RFC
// 4918, section 5.2): some servers want it, others redirect to it.
func (c *client) address(name string, dir bool) *url.URL {
	u := *c.base
	u.Path = c.path(name)
	if dir || name == "." {
		u.Path += "/"
	}
	u.RawPath = escape(u.Path)
	return &u
}

// escape percent-encodes all but the unreserved characters (RFC 3986, section
// 2.3) and the slash. net/url leaves more as it is, among them the semicolon,
// which some servers take for the beginning of a parameter.
func escape(decoded string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(decoded) {
		if c := decoded[i]; strings.IndexByte(unreserved, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// hrefPath returns the decoded path of an href, which is a URL or an absolute
// path (RFC 4918, section 8.3), and whether it ends in a slash. It reports false
// for one that is neither.
func hrefPath(href string) (decoded string, slash, ok bool) {
	u, err := url.Parse(strings.TrimSpace(href))
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return "", false, false
	}
	if strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
		return "", false, false // a slash in a name, which no name can have
	}
	trimmed := strings.TrimRight(u.Path, "/")
	return trimmed, len(trimmed) < len(u.Path), true
}

// usable reports whether a name that came from the server can be one element of
// a path.
func usable(base string) bool {
	return base != "." && fs.ValidPath(base) && !strings.ContainsAny(base, "/\x00") && utf8.ValidString(base)
}
