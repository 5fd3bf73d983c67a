package emulator

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A diskPath is a parsed path of the API: an area and the segments below it.
type diskPath struct {
	area  string // "disk", "trash", "app" or "photounlim"
	parts []string
	asked string // as the client wrote it, for error texts
}

// The documented limits of names and paths.
const (
	maxName = 255
	maxPath = 32760
)

// parsePath reads a path "scheme:/a/b", "/a/b" or "a/b". Without a scheme it
// is of the disk, and then must not hold a colon. Doubled and trailing slashes
// are dropped.
func parsePath(s string, k Knobs) (diskPath, *failure) {
	p := diskPath{area: "disk", asked: s}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return p, errPathFormat(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD"))
	}
	rest := s
	if scheme, after, ok := strings.Cut(s, ":"); ok {
		if !slices.Contains([]string{"disk", "app", "trash", "photounlim"}, scheme) || !strings.HasPrefix(after, "/") {
			return p, errPathFormat(s)
		}
		p.area, rest = scheme, after
	}
	length := func(s string) int {
		if k.NameLimitBytes {
			return len(s)
		}
		return utf8.RuneCountInString(s)
	}
	if length(s) > maxPath {
		return p, errFieldInvalid("path", "The path is too long.", "Слишком длинный путь.")
	}
	for part := range strings.SplitSeq(rest, "/") {
		switch {
		case part == "":
			continue
		case part == "." || part == "..":
			if !k.DotSegments {
				return p, errPathFormat(s)
			}
			if part == ".." && len(p.parts) > 0 {
				p.parts = p.parts[:len(p.parts)-1]
			}
			continue
		case length(part) > maxName:
			return p, errFieldInvalid("path", "The name is too long.", "Слишком длинное имя.")
		}
		p.parts = append(p.parts, part)
	}
	return p, nil
}

func (p diskPath) isRoot() bool { return len(p.parts) == 0 }

func (p diskPath) String() string { return p.area + ":/" + strings.Join(p.parts, "/") }

func (p diskPath) name() string {
	if p.isRoot() {
		return ""
	}
	return p.parts[len(p.parts)-1]
}

// dir is the path of the folder that holds p, which is not a root.
func (p diskPath) dir() diskPath {
	return diskPath{area: p.area, parts: p.parts[:len(p.parts)-1], asked: p.asked}
}

// within reports whether p is q or lies below it.
func (p diskPath) within(q diskPath) bool {
	return p.area == q.area && len(p.parts) >= len(q.parts) && slices.Equal(p.parts[:len(q.parts)], q.parts)
}
