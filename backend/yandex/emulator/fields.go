package emulator

import "strings"

// A projection is the parameter fields as a tree: the keys asked for, each
// with what was asked for inside it. A nil projection keeps everything.
type projection map[string]projection

// parseFields reads a comma-separated list of dotted keys. Where a container
// and keys inside it are both named, the narrower ones win.
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

// apply keeps of v what was asked for. Keys that v lacks are left out without
// an error; keys below something that holds none leave nothing of it, but null.
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
