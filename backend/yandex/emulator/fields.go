package emulator

import "strings"

// A projection is the fields parameter as a tree: the requested keys, each
// with the keys requested inside it. A nil projection keeps everything.
type projection map[string]projection

// parseFields parses a comma-separated list of dotted keys. Where a container
// and keys inside it are both named, the keys inside win.
func parseFields(s string) projection {
	var p projection
	for dotted := range strings.SplitSeq(s, ",") {
		if dotted = strings.TrimSpace(dotted); dotted == "" {
			continue
		}
		if p == nil {
			p = make(projection)
		}
		at := p
		keys := strings.Split(dotted, ".")
		for i, key := range keys {
			inner := at[key]
			if i < len(keys)-1 && inner == nil {
				inner = make(projection)
			}
			at[key] = inner
			at = inner
		}
	}
	return p
}

// apply returns the requested part of v. Keys that v lacks are ignored; keys
// below a value that has none leave nothing of it, except null.
func (p projection) apply(v any) any {
	if p == nil {
		return v
	}
	switch v := v.(type) {
	case lazy:
		return p.apply(v())
	case list:
		out := make(list, len(v))
		for i, item := range v {
			out[i] = p.apply(item)
		}
		return out
	case object:
		out := object{}
		for _, m := range v {
			inner, asked := p[m.key]
			if !asked || inner != nil && m.value != nil && !isContainer(m.value) {
				continue
			}
			out = append(out, member{m.key, inner.apply(m.value)})
		}
		return out
	}
	return v
}

func isContainer(v any) bool {
	switch v.(type) {
	case object, list, lazy:
		return true
	}
	return false
}
