package davxml

import (
	"encoding/xml"
	"strings"
)

// isNCName reports whether s is a name without a colon (Namespaces in XML 1.0,
// section 3). Beyond ASCII it follows encoding/xml, which implements the fourth
// edition of XML 1.0, whose names every parser accepts.
func isNCName(s string) bool {
	foreign := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80:
			foreign = true
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && (c == '-' || c == '.' || '0' <= c && c <= '9'):
		default:
			return false
		}
	}
	if !foreign {
		return s != ""
	}
	token, err := xml.NewDecoder(strings.NewReader("<" + s + "/>")).RawToken()
	start, ok := token.(xml.StartElement)
	return err == nil && ok && start.Name.Local == s
}

// isChar reports whether r is a Char of XML 1.0, section 2.2.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || 0x20 <= r && r <= 0xD7FF ||
		0xE000 <= r && r <= 0xFFFD || 0x10000 <= r && r <= 0x10FFFF
}
