package emulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// An object is a JSON object whose members keep their order, which the
// standard encoder cannot do. Values are nil, bool, string, integers,
// json.Number, object, list and lazy.
type object []member

type member struct {
	key   string
	value any
}

// A list is a JSON array of any of the values of an object.
type list []any

// A lazy value is computed only if the projection includes it, because signing
// links is the most expensive part of a response. It must not read mutable state.
type lazy func() any

func (o object) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// with returns o with the member set, at its old position if it had one.
func (o object) with(key string, value any) object {
	out := make(object, 0, len(o)+1)
	found := false
	for _, m := range o {
		if m.key == key {
			m.value, found = value, true
		}
		out = append(out, m)
	}
	if !found {
		out = append(out, member{key, value})
	}
	return out
}

func (o object) without(key string) object {
	out := make(object, 0, len(o))
	for _, m := range o {
		if m.key != key {
			out = append(out, m)
		}
	}
	return out
}

// A jsonStyle is the style of an encoder: its separators, and the order of
// members (nil keeps theirs).
type jsonStyle struct {
	comma, colon string
	order        func(object) object
}

// appendJSON encodes v as the service does: raw UTF-8, with only the escapes
// that JSON requires.
func (s jsonStyle) appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case json.Number:
		return append(b, v...)
	case string:
		return appendString(b, v)
	case lazy:
		return s.appendJSON(b, v())
	case list:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, s.comma...)
			}
			b = s.appendJSON(b, item)
		}
		return append(b, ']')
	case object:
		if s.order != nil {
			v = s.order(v)
		}
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, s.comma...)
			}
			b = appendString(b, m.key)
			b = append(b, s.colon...)
			b = s.appendJSON(b, m.value)
		}
		return append(b, '}')
	default:
		panic(fmt.Sprintf("emulator: no JSON for %T", v))
	}
}

func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
