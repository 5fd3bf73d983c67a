package api

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"
)

// decodeJSON decodes a response into an empty value, with the results of json.Unmarshal.
// A resource is decoded in a third of the time, by readResource, which replaces what
// was in it.
func decodeJSON(data []byte, out any) error {
	if r, ok := out.(*Resource); ok {
		var read Resource
		if readResource(data, &read) {
			*r = read
			return nil
		}
	}
	return json.Unmarshal(data, out)
}

// readResource decodes a resource into an empty one. It reads its text once, and
// leaves each value to the method that encoding/json calls for it. Text that it does
// not know all of, valid or not, is left to encoding/json: then it returns false, and
// r is of no use.
func readResource(data []byte, r *Resource) bool {
	s := scanner{text: data}
	s.space()
	if !s.resource(r, 0) {
		return false
	}
	s.space()
	return s.at == len(data)
}

// maxNested is how deep objects and arrays are read.
const maxNested = 20

// maxRoom is for how many entries a page has room before they are read: as many as one
// is asked for.
const maxRoom = 1001

// A scanner reads JSON text from its start to its end. Its methods return false at
// what they do not know.
type scanner struct {
	text []byte
	at   int
}

// resource reads an object into an empty r.
func (s *scanner) resource(r *Resource, depth int) bool {
	return s.object(depth, func(key []byte) bool {
		var into json.Unmarshaler
		switch string(key) {
		case "type":
			into = &r.Type
		case "name":
			into = &r.Name
		case "path":
			into = &r.Path
		case "size":
			into = &r.Size
		case "md5":
			into = &r.MD5
		case "sha256":
			into = &r.SHA256
		case "created":
			into = &r.Created
		case "modified":
			into = &r.Modified
		case "deleted":
			into = &r.Deleted
		case "origin_path":
			into = &r.OriginPath
		case "mime_type":
			into = &r.MimeType
		case "resource_id":
			into = &r.ID
		case "revision":
			into = &r.Revision
		case "file":
			into = &r.File
		case "preview":
			into = &r.Preview
		case "public_url":
			into = &r.PublicURL
		case "public_key":
			into = &r.PublicKey
		case "custom_properties":
			return s.properties(&r.Custom, depth+1)
		case "_embedded":
			if r.Embedded != nil { // is there twice
				return false
			}
			r.Embedded = new(Page)
			return s.page(r.Embedded, depth+1)
		}
		return s.into(into, depth+1)
	})
}

// page reads an object into an empty p.
func (s *scanner) page(p *Page, depth int) bool {
	return s.object(depth, func(key []byte) bool {
		switch string(key) {
		case "items":
			if p.Items != nil {
				return false
			}
			p.Items = []Resource{}
			if depth == 1 { // one page has room for all at once, not each in another
				p.Items = make([]Resource, 0, min(bytes.Count(s.text[s.at:], []byte(`"name":`)), maxRoom))
			}
			return s.array(depth+1, func() bool {
				p.Items = append(p.Items, Resource{})
				return s.resource(&p.Items[len(p.Items)-1], depth+2)
			})
		case "total":
			if s.at < len(s.text) && s.text[s.at] == 'n' { // null, which is none
				return false
			}
			p.Total = new(Count)
			return s.into(p.Total, depth+1)
		}
		return s.into(nil, depth+1)
	})
}

// properties reads an object of strings; what is not one is left to the method of p.
func (s *scanner) properties(p *Properties, depth int) bool {
	start, read := s.at, Properties{}
	if s.members(depth, func(key []byte) bool {
		value := Text("")
		if bytes.IndexByte(key, '\\') >= 0 || !utf8.Valid(key) || s.at == len(s.text) || s.text[s.at] != '"' || !s.into(&value, depth+1) {
			return false
		}
		read[string(key)] = string(value)
		return true
	}) {
		*p = read
		return true
	}
	s.at = start
	return s.into(p, depth)
}

// into reads a value and hands it to v, unless that is nil.
func (s *scanner) into(v json.Unmarshaler, depth int) bool {
	start := s.at
	return s.value(depth) && (v == nil || v.UnmarshalJSON(s.text[start:s.at]) == nil)
}

// value reads any value.
func (s *scanner) value(depth int) bool {
	if s.at == len(s.text) {
		return false
	}
	switch s.text[s.at] {
	case '"':
		return s.quoted()
	case '{':
		return s.members(depth, func([]byte) bool { return s.value(depth + 1) })
	case '[':
		return s.array(depth, func() bool { return s.value(depth + 1) })
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// object reads an object whose keys are in lower case: encoding/json takes others for
// the same. each reads the value of a key.
func (s *scanner) object(depth int, each func(key []byte) bool) bool {
	return s.members(depth, func(key []byte) bool {
		for _, c := range key {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
				return false
			}
		}
		return each(key)
	})
}

// members reads an object. each gets a key, as it is written, and reads its value.
func (s *scanner) members(depth int, each func(key []byte) bool) bool {
	return s.list(depth, '{', '}', func() bool {
		start := s.at
		if !s.quoted() {
			return false
		}
		key := s.text[start+1 : s.at-1]
		s.space()
		if !s.next(':') {
			return false
		}
		s.space()
		return each(key)
	})
}

// array reads an array, of which each reads an element.
func (s *scanner) array(depth int, each func() bool) bool { return s.list(depth, '[', ']', each) }

// list reads what is between two brackets, separated by commas.
func (s *scanner) list(depth int, open, end byte, each func() bool) bool {
	if depth > maxNested || !s.next(open) {
		return false
	}
	s.space()
	if s.next(end) {
		return true
	}
	for {
		if !each() {
			return false
		}
		s.space()
		if s.next(end) {
			return true
		}
		if !s.next(',') {
			return false
		}
		s.space()
	}
}

// quoted reads a string, with its quotes.
func (s *scanner) quoted() bool {
	if !s.next('"') {
		return false
	}
	for {
		for s.at+8 <= len(s.text) && plain(binary.LittleEndian.Uint64(s.text[s.at:])) {
			s.at += 8
		}
		if s.at == len(s.text) {
			return false
		}
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return true
		case c < ' ':
			return false
		case c == '\\':
			if !s.escaped() {
				return false
			}
		}
	}
}

// plain reports whether eight bytes of a string stand for themselves: none of them is
// a quote, a backslash or a control character.
func plain(b uint64) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	quote, slash := b^each*'"', b^each*'\\' // zero where one is
	return ((b-each*' ')&^b|(quote-each)&^quote|(slash-each)&^slash)&top == 0
}

// escaped reads what follows a backslash.
func (s *scanner) escaped() bool {
	if s.at == len(s.text) {
		return false
	}
	c := s.text[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.at == len(s.text) || !isHex(s.text[s.at]) {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

func isHex(c byte) bool   { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads a number.
func (s *scanner) number() bool {
	s.next('-')
	if !s.next('0') && !s.digits() {
		return false
	}
	if s.next('.') && !s.digits() {
		return false
	}
	if s.next('e') || s.next('E') {
		if !s.next('+') {
			s.next('-')
		}
		return s.digits()
	}
	return true
}

// digits reads at least one digit.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && isDigit(s.text[s.at]) {
		s.at++
	}
	return s.at > start
}

// word reads a word.
func (s *scanner) word(w string) bool {
	if len(s.text)-s.at < len(w) || string(s.text[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// next reads one byte if it is c.
func (s *scanner) next(c byte) bool {
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

// space reads white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}
