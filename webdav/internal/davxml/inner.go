package davxml

import (
	"encoding/xml"
	"slices"
	"strings"
)

// Wrap returns an element made of what golang.org/x/net/webdav keeps of one: its
// name, its xml:lang or "", and its inner XML.
func Wrap(name xml.Name, lang, inner string) (Element, error) {
	root, attrs := name.Local, []xml.Attr(nil)
	if name.Space != "" {
		root = "p:" + name.Local
		attrs = append(attrs, xml.Attr{Name: xml.Name{Space: "xmlns", Local: "p"}, Value: name.Space})
	}
	if lang != "" {
		attrs = append(attrs, xml.Attr{Name: xml.Name{Space: "xml", Local: "lang"}, Value: lang})
	}
	var b strings.Builder
	b.WriteString("<" + root)
	writeAttrs(&b, attrs)
	b.WriteString(">" + inner + "</" + root + ">")
	return ParseElement(b.String())
}

// Bare reports whether an element has no attribute but xml:lang, so that Inner
// and Wrap preserve it.
func (e Element) Bare() bool {
	root, err := newDecoder(strings.NewReader(e.XML)).root()
	return err == nil && !slices.ContainsFunc(root.attrs, func(a xml.Attr) bool {
		_, isNamespace := declared(a.Name)
		return !isNamespace && a.Name != xml.Name{Space: "xml", Local: "lang"}
	})
}

// Inner is the inverse of Wrap: it returns the xml:lang of an element and its
// inner XML, each child with the namespaces that it needs.
func (e Element) Inner() (lang, inner string, err error) {
	d := newDecoder(strings.NewReader(e.XML))
	root, err := d.root()
	if err != nil {
		return "", "", err
	}
	var b strings.Builder
	for depth := len(d.open); len(d.open) >= depth; {
		token, err := d.next()
		if err != nil {
			return "", "", err
		}
		switch token := token.(type) {
		case start:
			child, err := d.element(token)
			if err != nil {
				return "", "", err
			}
			b.WriteString(child.XML)
		case xml.CharData:
			escape(&b, string(token), false)
		}
	}
	return root.lang, b.String(), nil
}

// NameOf is the inverse of [Key].
func NameOf(key string) xml.Name {
	end := strings.LastIndexByte(key, '}') // a namespace may have one
	return xml.Name{Space: strings.TrimPrefix(key[:end], "{"), Local: key[end+1:]}
}
