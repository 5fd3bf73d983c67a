package yandex

import (
	"context"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
)

// maxName is the longest name of a file or a folder, in characters
// (API reference, "Upload a file": limits).
const maxName = 255

// cleanRoot brings the root of an address into the form of the API. It takes
// "", "Docs", "/Docs/", "disk:/Docs", "app:/" and "app:/Docs". A ".." never
// leads above the root.
//
// The scheme is always there: the service refuses a path with a colon in it
// and no scheme before it (DiskPathFormatError).
func cleanRoot(root string) (string, error) {
	scheme := "disk:"
	for _, s := range []string{"disk:", "app:"} {
		if rest, ok := strings.CutPrefix(root, s); ok {
			scheme, root = s, rest
			break
		}
	}
	clean := path.Clean("/" + root)
	if err := checkName(relative(clean)); err != nil {
		return "", pathError("open", root, err)
	}
	return scheme + clean, nil
}

// checkName refuses what the service would refuse or understand otherwise.
func checkName(name string) error {
	if err := backend.CheckName("", name); err != nil {
		return err
	}
	for part := range strings.SplitSeq(name, "/") {
		if utf8.RuneCountInString(part) > maxName {
			return &backend.Error{Kind: fs.ErrInvalid, Message: "a name may have 255 characters"}
		}
	}
	return nil
}

// usable reports whether a name that came from the server can be one element of
// a path. Any other would lead somewhere else.
func usable(name string) bool {
	return name != "." && fs.ValidPath(name) && !strings.ContainsAny(name, "/\x00")
}

// path is the name as the API wants it. Here names are checked: no call can be
// made for one without its path.
func (b *Backend) path(name string) (string, error) {
	if err := checkName(name); err != nil || name == "." {
		return b.root, err
	}
	return strings.TrimSuffix(b.root, "/") + "/" + name, nil
}

// base is the root in the form of the service's responses, which never have the
// scheme app: but say where that folder is. The service is asked for that
// once.
func (b *Backend) base(ctx context.Context) (string, error) {
	if strings.HasPrefix(b.root, "disk:") {
		return b.root, nil
	}
	if known := b.appRoot.Load(); known != nil {
		return *known, nil
	}
	r, err := b.look(ctx, ".")
	if err != nil {
		return "", err
	}
	base := string(r.Path)
	b.appRoot.Store(&base)
	return base, nil
}

// relative turns an absolute path without its scheme into a name.
func relative(abs string) string {
	if abs = strings.Trim(abs, "/"); abs == "" {
		return "."
	}
	return abs
}

// below turns a path that the server gave into a name below root, which has
// the server's form too. It reports false for one outside of it.
func below(root, abs string) (string, bool) {
	root = strings.TrimSuffix(root, "/")
	rest, ok := strings.CutPrefix(abs, root)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	name := relative(rest)
	return name, fs.ValidPath(name)
}
