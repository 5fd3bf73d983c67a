package davxml

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// AppendStart appends the start tag of a property, and [AppendEnd] its end.
// DAV: has the prefix D of the root; any other namespace is declared on the
// element. A name that is invalid in XML appends nothing.
func AppendStart(dst []byte, name xml.Name) []byte {
	if !isWritable(name) {
		return dst
	}
	return append(appendOpen(dst, name), '>')
}

// AppendEnd appends the end tag of a property.
func AppendEnd(dst []byte, name xml.Name) []byte {
	if !isWritable(name) {
		return dst
	}
	return append(appendTag(append(dst, "</"...), name), '>')
}

// AppendEmpty appends a property without a value, as in a response with names
// only.
func AppendEmpty(dst []byte, name xml.Name) []byte {
	if !isWritable(name) {
		return dst
	}
	return append(appendOpen(dst, name), "/>"...)
}

// AppendText appends a property whose value is text.
func AppendText(dst []byte, name xml.Name, value string) []byte {
	if value == "" || !isWritable(name) {
		return AppendEmpty(dst, name)
	}
	return AppendEnd(appendEscaped(AppendStart(dst, name), value, false), name)
}

// isWritable reports whether a name can be that of an element.
func isWritable(name xml.Name) bool { return isNCName(name.Local) && name.Space != xmlnsNS }

func appendOpen(dst []byte, name xml.Name) []byte {
	dst = appendTag(append(dst, '<'), name)
	if name.Space != "" && name.Space != NS && name.Space != xmlNS {
		dst = append(dst, ` xmlns:x="`...)
		dst = append(appendEscaped(dst, name.Space, true), '"')
	}
	return dst
}

func appendTag(dst []byte, name xml.Name) []byte {
	switch name.Space {
	case NS:
		dst = append(dst, "D:"...)
	case xmlNS:
		dst = append(dst, "xml:"...)
	case "":
	default:
		dst = append(dst, "x:"...)
	}
	return append(dst, name.Local...)
}

// AppendStatus appends a status. Some clients compare it literally.
func AppendStatus(dst []byte, code int) []byte {
	if code == 0 {
		code = http.StatusOK
	}
	dst = append(dst, "<D:status>HTTP/1.1 "...)
	dst = append(strconv.AppendInt(dst, int64(code), 10), ' ')
	dst = append(dst, http.StatusText(code)...)
	return append(dst, "</D:status>"...)
}

// AppendHref appends the element href of an address that is escaped, followed by
// a path that is not.
func AppendHref(dst []byte, address, path string) []byte {
	dst = append(dst, "<D:href>"...)
	dst = appendEscaped(dst, address, false)
	done := 0 // what of path is appended
	for i := range len(path) {
		c := path[i]
		if isPathByte(c) {
			continue
		}
		dst = append(dst, path[done:i]...)
		if done = i + 1; c == '&' {
			dst = append(dst, "&amp;"...)
			continue
		}
		const digits = "0123456789ABCDEF"
		dst = append(dst, '%', digits[c>>4], digits[c&15])
	}
	return append(append(dst, path[done:]...), "</D:href>"...)
}

// isPathByte reports whether a byte of a path is written as it is, which is how
// net/url writes it, but for an ampersand.
func isPathByte(c byte) bool {
	const (
		low  = 0x3ff<<'0' | 1<<'-' | 1<<'.' | 1<<'$' | 1<<'+' | 1<<',' | 1<<'/' | 1<<':' | 1<<';' | 1<<'='
		high = (0x3ffffff<<'A' | 0x3ffffff<<'a' | 1<<'_' | 1<<'~' | 1<<'@') >> 64
	)
	return (uint64(low)>>c|uint64(high)>>(c-64))&1 != 0
}

// AppendEscaped appends text in an element. Characters that are invalid in XML
// become U+FFFD.
func AppendEscaped(dst []byte, s string) []byte { return appendEscaped(dst, s, false) }

// appendEscaped escapes text in an element or in an attribute, so that it is read
// back unchanged. Characters that are invalid in XML become U+FFFD.
func appendEscaped(dst []byte, s string, attr bool) []byte {
	done := 0 // what of s is appended
	for i := 0; i < len(s); {
		if isPlain(s[i]) {
			i++
			continue
		}
		with, width := escaped(s[i], attr), 1
		if s[i] >= utf8.RuneSelf {
			var r rune
			if r, width = utf8.DecodeRuneInString(s[i:]); !isChar(r) || r == utf8.RuneError && width == 1 {
				with = string(utf8.RuneError)
			}
		}
		if with != "" {
			dst = append(append(dst, s[done:i]...), with...)
			done = i + width
		}
		i += width
	}
	return append(dst, s[done:]...)
}

// isPlain reports that an ASCII character is never escaped. Of others nothing is said.
func isPlain(c byte) bool {
	return ' ' <= c && c <= '~' && c != '&' && c != '<' && c != '>' && c != '"'
}

// escaped returns what an ASCII character is replaced by, or "".
func escaped(c byte, attr bool) string {
	switch {
	case c == '&':
		return "&amp;"
	case c == '<':
		return "&lt;"
	case c == '>':
		return "&gt;"
	case c == '\r':
		return "&#xD;"
	case attr && c == '"':
		return "&quot;"
	case attr && c == '\t':
		return "&#x9;"
	case attr && c == '\n':
		return "&#xA;"
	case c < utf8.RuneSelf && !isChar(rune(c)):
		return string(utf8.RuneError)
	}
	return ""
}
