package davxml

// isNCName tells a name without a colon: Namespaces in XML 1.0, section 3.
func isNCName(s string) bool {
	for i, r := range s {
		if !isNameStart(r) && (i == 0 || !isNameInner(r)) {
			return false
		}
	}
	return s != "" && len(s) <= maxNameSize
}

// isNameStart is NameStartChar of XML 1.0, section 2.3, but for the colon.
func isNameStart(r rune) bool {
	switch {
	case r == '_', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return true
	case 0xC0 <= r && r <= 0x2FF:
		return r != 0xD7 && r != 0xF7
	case 0x370 <= r && r <= 0x1FFF:
		return r != 0x37E
	}
	return r == 0x200C || r == 0x200D || 0x2070 <= r && r <= 0x218F || 0x2C00 <= r && r <= 0x2FEF ||
		0x3001 <= r && r <= 0xD7FF || 0xF900 <= r && r <= 0xFDCF || 0xFDF0 <= r && r <= 0xFFFC ||
		0x10000 <= r && r <= 0xEFFFF
}

// isNameInner is what NameChar has beyond NameStartChar.
func isNameInner(r rune) bool {
	return r == '-' || r == '.' || '0' <= r && r <= '9' || r == 0xB7 ||
		0x300 <= r && r <= 0x36F || r == 0x203F || r == 0x2040
}

// isChar is Char of XML 1.0, section 2.2.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || 0x20 <= r && r <= 0xD7FF ||
		0xE000 <= r && r <= 0xFFFD || 0x10000 <= r && r <= 0x10FFFF
}
