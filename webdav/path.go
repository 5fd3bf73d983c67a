package webdav

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// errOutside means that a path is not below the handler's prefix.
var errOutside = errors.New("outside of the served path")

// cleanPath turns the decoded path of a URL into a name of the file system:
// absolute, slash-separated, without empty segments. Segments "." and ".." are
// refused rather than resolved: clients resolve them before they send, so one
// that arrives is a mistake or an attack. isDir reports whether the path ends
// in a slash.
func cleanPath(decoded string) (name string, isDir bool, err error) {
	switch {
	case !strings.HasPrefix(decoded, "/"):
		return "", false, refuse(http.StatusBadRequest, "the path must begin with a slash")
	case !utf8.ValidString(decoded):
		return "", false, refuse(http.StatusBadRequest, "the path is not UTF-8")
	case strings.ContainsRune(decoded, 0):
		return "", false, refuse(http.StatusBadRequest, "the path has a NUL")
	case filepath.Separator != '/' && strings.ContainsRune(decoded, filepath.Separator):
		return "", false, refuse(http.StatusBadRequest, "a name cannot have a backslash")
	}
	for segment := range strings.SplitSeq(decoded, "/") {
		if segment == "." || segment == ".." {
			return "", false, refuse(http.StatusBadRequest, "the path has a segment that means another folder")
		}
		if ownname.Is(segment) {
			return "", false, refuse(http.StatusForbidden, "names that begin with "+ownname.Prefix+" are the server's own")
		}
	}
	return path.Clean(decoded), strings.HasSuffix(decoded, "/"), nil
}

// stripPrefix removes a prefix from a path, at a segment boundary: "/dav" is
// no prefix of "/davfoo". Several slashes before it are one: there are clients
// that join an address that ends in a slash with a path that begins with one.
func stripPrefix(decoded, prefix string) (string, error) {
	if strings.HasPrefix(decoded, "//") {
		decoded = "/" + strings.TrimLeft(decoded, "/")
	}
	rest, ok := strings.CutPrefix(decoded, prefix)
	switch {
	case !ok, rest != "" && rest[0] != '/':
		return "", errOutside
	case rest == "":
		return "/", nil
	}
	return rest, nil
}

// href is how the handler writes a name in its answers: an absolute path, UTF-8,
// escaped with upper-case hex, with a slash at the end of a folder. It begins with
// the path of the request as the client spelled that, because there are clients
// that compare what they get with what they have sent.
func (r *request) href(name string, isDir bool) string {
	escaped, rest := r.hrefParts(name, isDir)
	return escaped + escapePath(rest)
}

// hrefParts returns the two parts of a name's href: one that is escaped as an
// address, and the rest, which is not.
func (r *request) hrefParts(name string, isDir bool) (escaped, rest string) {
	rest = r.visible(name)
	if isDir && rest != "/" {
		rest += "/"
	}
	if !r.hasSpelling || name != r.name && !pathtree.Within(name, r.name) {
		return "", r.handler.publicPrefix() + rest
	}
	return r.spelling, strings.TrimPrefix(rest, strings.TrimSuffix(r.visible(r.name), "/"))
}

// spell notes how the client spelled the path of the request, unless that is
// another name than the one reported, or has another prefix.
func (r *request) spell() {
	spelling := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	told := strings.TrimSuffix(r.handler.publicPrefix()+r.visible(r.name), "/")
	if decoded, err := url.PathUnescape(spelling); err == nil && decoded == told {
		r.spelling, r.hasSpelling = spelling, true
	}
}

// visible returns a name as the user sees it, relative to the user's root. A
// name above the root, where a lock may be rooted, becomes "/".
func (r *request) visible(name string) string {
	switch {
	case name == r.root || !pathtree.Within(name, r.root):
		return "/"
	case r.root == "/":
		return name
	}
	return strings.TrimPrefix(name, r.root)
}

// publicPrefix returns the prefix of every path as clients see it. A public
// URL that ends in its host, with a slash or without, has none.
func (h *Handler) publicPrefix() string {
	if h.opts.public != nil {
		if prefix := strings.TrimSuffix(path.Clean("/"+h.opts.public.Path), "/"); prefix != "" {
			return prefix
		}
	}
	return h.opts.prefix
}

// resolve returns the name under which a resource is stored.
func (r *request) resolve(name string) string {
	if wantsExactNames(r.Request) {
		return name
	}
	return r.inAnyForm(name)
}

// inAnyForm returns the name under which a resource is stored. macOS sends some
// names decomposed (NFD) that others stored composed (NFC), and vice versa;
// both look the same to a person. A name that exists as sent wins; a new one is
// stored as sent. Only names with two forms cost a call, and only if they are
// not found.
func (r *request) inAnyForm(name string) string {
	if isOneForm(name) || r.exists(name) {
		return name
	}
	parent, base := path.Split(name)
	parent = r.inAnyForm(path.Clean(parent))
	for _, form := range []string{base, norm.NFC.String(base), norm.NFD.String(base)} {
		candidate := path.Join(parent, form)
		if candidate != name && r.exists(candidate) {
			return candidate
		}
	}
	return path.Join(parent, base)
}

// isOneForm reports whether NFC and NFD of a name are the same.
func isOneForm(name string) bool { return norm.NFC.String(name) == norm.NFD.String(name) }

func (r *request) exists(name string) bool {
	if _, ok := r.handler.locks.Placeholder(name); ok {
		return true
	}
	_, err := r.files.stat(name)
	return err == nil
}
