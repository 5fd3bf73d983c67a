package davxml

import (
	"encoding/xml"
	"strings"
)

// An Element is one complete element, independent of its document.
type Element struct {
	Name xml.Name
	// XML is the element as text that means the same in any document: it
	// declares every namespace that it needs, and carries the xml:lang that
	// was in force around it. Prefixes stay as they were, comments are gone.
	XML string
	// Text is the text directly in the element.
	Text string
}

// ParseElement parses one element without a document, such as a property
// value from a store, and serializes it again. Only white space may surround it.
func ParseElement(s string) (Element, error) {
	d := newDecoder(strings.NewReader(s))
	root, err := d.root()
	if err != nil {
		return Element{}, err
	}
	e, err := d.element(root)
	if err != nil {
		return Element{}, err
	}
	return e, d.finish()
}

// root reads up to the start of the root element.
func (d *decoder) root() (start, error) {
	token, err := d.next()
	if err != nil {
		return start{}, err
	}
	return token.(start), nil // nothing else gets past next before the root
}

// element returns the element whose start was read last.
func (d *decoder) element(root start) (Element, error) {
	var body, text strings.Builder
	writeAttrs(&body, root.attrs)
	empty := true // the tag written last is not closed yet
	for depth := len(d.open); len(d.open) >= depth; {
		token, err := d.next()
		if err != nil {
			return Element{}, err
		}
		_, ends := token.(xml.EndElement)
		if empty && !ends {
			body.WriteByte('>')
		}
		switch token := token.(type) {
		case start:
			body.WriteByte('<')
			body.WriteString(qname(token.raw))
			writeAttrs(&body, token.attrs)
		case xml.CharData:
			escape(&body, string(token), false)
			if len(d.open) == depth {
				text.Write(token)
			}
		case xml.EndElement:
			if empty {
				body.WriteString("/>")
			} else {
				body.WriteString("</" + qname(token.Name) + ">")
			}
		}
		_, empty = token.(start)
	}
	return Element{Name: root.name, XML: "<" + qname(root.raw) + inherited(root, body.String()) + body.String(), Text: text.String()}, nil
}

// inherited returns the attributes that an element needs when it leaves its
// document: the language, the default namespace, and each prefix that occurs
// in it, in a name or in text that may contain one (xsi:type).
func inherited(root start, body string) string {
	var b strings.Builder
	own := map[string]bool{}
	hasLang := false
	for _, a := range root.attrs {
		if prefix, ok := declared(a.Name); ok {
			own[prefix] = true
		}
		hasLang = hasLang || a.Name == xml.Name{Space: "xml", Local: "lang"}
	}
	for s := root.ns; s != nil; s = s.outer {
		used := s.prefix == root.raw.Space || s.prefix != "" && strings.Contains(body, s.prefix+":")
		if s.prefix == "" {
			used = s.uri != ""
		}
		if !own[s.prefix] && used {
			if s.prefix == "" {
				writeAttrs(&b, []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: s.uri}})
			} else {
				writeAttrs(&b, []xml.Attr{{Name: xml.Name{Space: "xmlns", Local: s.prefix}, Value: s.uri}})
			}
		}
		own[s.prefix] = true
	}
	if root.lang != "" && !hasLang {
		writeAttrs(&b, []xml.Attr{{Name: xml.Name{Space: "xml", Local: "lang"}, Value: root.lang}})
	}
	return b.String()
}

func writeAttrs(b *strings.Builder, attrs []xml.Attr) {
	for _, a := range attrs {
		b.WriteString(" " + qname(a.Name) + `="`)
		escape(b, a.Value, true)
		b.WriteByte('"')
	}
}

func qname(raw xml.Name) string {
	if raw.Space == "" {
		return raw.Local
	}
	return raw.Space + ":" + raw.Local
}

func escape(b *strings.Builder, s string, attr bool) { b.Write(appendEscaped(nil, s, attr)) }
