package transfer

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// A Filter chooses entries by their path. The zero value chooses all.
type Filter struct{ include, exclude []pattern }

// pattern is one of a filter. Without a slash inside it is about the last
// element of a path, otherwise about the whole, from the root of the transfer.
type pattern struct {
	text    string
	base    bool
	folders bool // it ends in a slash: only folders are meant
}

// NewFilter reads patterns: * and ? match within a name, ** across folders, [abc]
// one character. With any include, files that match none are left out; what
// matches an exclude is left out with everything below it.
func NewFilter(include, exclude []string) (Filter, error) {
	var f Filter
	for _, list := range []struct {
		from []string
		to   *[]pattern
	}{{include, &f.include}, {exclude, &f.exclude}} {
		for _, text := range list.from {
			p := pattern{text: strings.TrimSuffix(text, "/"), folders: strings.HasSuffix(text, "/")}
			p.base = !strings.Contains(p.text, "/")
			p.text = strings.TrimPrefix(p.text, "/")
			if p.text == "" || !doublestar.ValidatePattern(p.text) {
				return Filter{}, language.Errorf("%q is no pattern; write *.jpg, cache/ or docs/**/*.txt", text)
			}
			*list.to = append(*list.to, p)
		}
	}
	return f, nil
}

func (p pattern) matches(name string, dir bool) bool {
	if p.folders && !dir {
		return false
	}
	if p.base {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	return doublestar.MatchUnvalidated(p.text, name)
}

// excludes reports whether an entry is left out. Those above it are not.
func (f Filter) excludes(name string, dir bool) bool {
	for _, p := range f.exclude {
		if p.matches(name, dir) {
			return true
		}
	}
	if dir || len(f.include) == 0 {
		return false
	}
	for _, p := range f.include {
		if p.matches(name, false) || p.below(name) {
			return false
		}
	}
	return true
}

// below reports whether a folder above a name matches: an included folder is
// included with all that is in it.
func (p pattern) below(name string) bool {
	for at, c := range name {
		if c == '/' && p.matches(name[:at], true) {
			return true
		}
	}
	return false
}
