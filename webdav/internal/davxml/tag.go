package davxml

import "encoding/xml"

// A Tag is the tags of a property, for one that is appended often.
type Tag struct{ start, end, empty string }

// NewTag returns the tags of a name, of which [AppendStart] and its like say more.
func NewTag(name xml.Name) Tag {
	return Tag{string(AppendStart(nil, name)), string(AppendEnd(nil, name)), string(AppendEmpty(nil, name))}
}

// AppendStart appends the start tag.
func (t Tag) AppendStart(dst []byte) []byte { return append(dst, t.start...) }

// AppendEnd appends the end tag.
func (t Tag) AppendEnd(dst []byte) []byte { return append(dst, t.end...) }

// AppendEmpty appends the property without a value.
func (t Tag) AppendEmpty(dst []byte) []byte { return append(dst, t.empty...) }

// AppendText appends the property whose value is text.
func (t Tag) AppendText(dst []byte, value string) []byte {
	if value == "" {
		return t.AppendEmpty(dst)
	}
	return t.AppendEnd(AppendEscaped(t.AppendStart(dst), value))
}
