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

// errOutside says that a path is not below the handler's prefix.
var errOutside = errors.New("outside of the served path")

// cleanPath turns the decoded path of a URL into a name of the file system:
// absolute, slash-separated, without empty segments. Segments "." and ".." are
// refused rather than resolved: clients resolve them before they send, so what
// arrives is a mistake or an attack. isDir tells that the path ends in a
// slash.
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

// stripPrefix takes a prefix off a path, at a boundary of segments: "/dav" is
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
	seen := r.visible(name)
	if !r.hasSpelling || name != r.name && !pathtree.Within(name, r.name) {
		return Folder{Prefix: r.handler.publicPrefix()}.Href(seen, isDir || seen == "/")
	}
	below := strings.TrimPrefix(seen, strings.TrimSuffix(r.visible(r.name), "/"))
	if isDir || seen == "/" {
		below = strings.TrimSuffix(below, "/") + "/"
	}
	return r.spelling + escapePath(below)
}

// spell notes how the client spelled the path of the request, unless that is
// another name than is told, or has another prefix.
func (r *request) spell() {
	spelling := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	told := strings.TrimSuffix(r.handler.publicPrefix()+r.visible(r.name), "/")
	if decoded, err := url.PathUnescape(spelling); err == nil && decoded == told {
		r.spelling, r.hasSpelling = spelling, true
	}
}

// visible is a name as the user sees it, whose root is "/". That is also what
// he is told of what is above it: a lock may be rooted there.
func (r *request) visible(name string) string {
	switch {
	case name == r.root || !pathtree.Within(name, r.root):
		return "/"
	case r.root == "/":
		return name
	}
	return strings.TrimPrefix(name, r.root)
}

// publicPrefix is what stands before every path as clients see it. A public
// address that ends in its host, with a slash or without, has no path.
func (h *Handler) publicPrefix() string {
	if h.opts.public != nil {
		if prefix := strings.TrimSuffix(path.Clean("/"+h.opts.public.Path), "/"); prefix != "" {
			return prefix
		}
	}
	return h.opts.prefix
}

// resolve finds the name under which a resource is stored. macOS sends some
// names decomposed (NFD) that others stored composed (NFC), and the other way
// round; both are the same name to a person. A name that exists as it is wins;
// what is new is stored as it was sent. Only names that have two forms cost
// anything, and only if they are not found.
func (r *request) resolve(name string) string {
	if isOneForm(name) || r.exists(name) {
		return name
	}
	parent, base := path.Split(name)
	parent = r.resolve(path.Clean(parent))
	for _, form := range []string{base, norm.NFC.String(base), norm.NFD.String(base)} {
		candidate := path.Join(parent, form)
		if candidate != name && r.exists(candidate) {
			return candidate
		}
	}
	return path.Join(parent, base)
}

// isOneForm tells that NFC and NFD of a name are the same.
func isOneForm(name string) bool { return norm.NFC.String(name) == norm.NFD.String(name) }

func (r *request) exists(name string) bool {
	if _, ok := r.handler.locks.Placeholder(name); ok {
		return true
	}
	_, err := r.files.stat(name)
	return err == nil
}
