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

// cleanRoot converts the root of an address into a path of the API. It accepts
// "", "Docs", "/Docs/", "disk:/Docs", "app:/" and "app:/Docs". A ".." never
// leads above the root.
//
// The result always has a scheme: without one the service refuses a path that
// contains a colon (DiskPathFormatError).
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

// checkName returns an error for a name that the service refuses, or takes for
// another.
func checkName(name string) error {
	if err := backend.CheckName("", name); err != nil {
		return err
	}
	for part := range strings.SplitSeq(name, "/") {
		if utf8.RuneCountInString(part) > maxName {
			return &backend.Error{Kind: fs.ErrInvalid, Message: "a name may not exceed 255 characters"}
		}
	}
	return nil
}

// usable reports whether a name received from the server is a single path
// element. Any other could lead outside its folder.
func usable(name string) bool {
	return name != "." && fs.ValidPath(name) && !strings.ContainsAny(name, "/\x00")
}

// path converts a name into a path of the API. It checks the name; since every
// call needs a path, no name gets past the check.
func (b *Backend) path(name string) (string, error) {
	if err := checkName(name); err != nil || name == "." {
		return b.root, err
	}
	return strings.TrimSuffix(b.root, "/") + "/" + name, nil
}

// base returns the root as the service's responses spell it. They never use the
// scheme app: but give the path of the application's folder, which is looked up
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

// below converts a path received from the server into a name relative to root,
// which is in the server's form too. It reports false for a path outside root.
func below(root, abs string) (string, bool) {
	root = strings.TrimSuffix(root, "/")
	rest, ok := strings.CutPrefix(abs, root)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	name := relative(rest)
	return name, fs.ValidPath(name)
}
