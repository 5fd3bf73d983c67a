package davxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// errEmpty means that there is no document at all.
var errEmpty = fmt.Errorf("%w: it is empty", ErrInvalid)

// Namespaces that XML itself reserves (Namespaces in XML 1.0, section 3).
const (
	xmlNS   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNS = "http://www.w3.org/2000/xmlns/"
)

// A decoder returns the tokens of one document. It tokenizes by encoding/xml
// and checks what that package is lax about: that tags match, that prefixes are
// declared and bound, that no attribute is repeated, that nothing follows the
// root, and the limits.
type decoder struct {
	xml   *xml.Decoder
	in    *limited
	open  []start // the elements around the next token
	nodes int
	begun bool // the root has been seen
}

// start is the start tag of an element, its names resolved.
type start struct {
	name  xml.Name
	raw   xml.Name   // as written: prefix and local name
	attrs []xml.Attr // as written, declarations of namespaces among them
	ns    *scope
	lang  string // xml:lang in force
}

// scope is the declaration of one prefix, linked to those it adds to.
type scope struct {
	prefix, uri string
	outer       *scope
}

func (s *scope) lookup(prefix string) (string, bool) {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.uri, true
		}
	}
	switch prefix {
	case "":
		return "", true
	case "xml":
		return xmlNS, true
	}
	return "", false
}

// newDecoder reads the document in r, which may be in one of the encodings of
// encodings.go.
func newDecoder(r io.Reader) *decoder {
	in := &limited{r: r, left: MaxBody + 1}
	document, charsetReader := decoded(in)
	d := &decoder{xml: xml.NewDecoder(document), in: in}
	d.xml.CharsetReader = charsetReader
	return d
}

// limited is an io.LimitReader that distinguishes the end from the limit,
// and keeps the error that ended it.
type limited struct {
	r    io.Reader
	left int // one more than may be read
	err  error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	if l.left -= n; l.left == 0 {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxBody)
	}
	if err != io.EOF {
		l.err = err
	}
	return n, err
}

// next returns the next token: a start, an xml.EndElement or an xml.CharData,
// which is valid until the next call. Comments and processing instructions
// are skipped. At the end of a complete document it returns io.EOF.
func (d *decoder) next() (any, error) {
	for {
		token, err := d.xml.RawToken()
		if err == io.EOF && d.begun && len(d.open) == 0 {
			return nil, io.EOF
		}
		if err != nil {
			return nil, d.fault(err)
		}
		if d.nodes++; d.nodes > MaxNodes {
			return nil, fmt.Errorf("%w: more than %d parts", ErrTooLarge, MaxNodes)
		}
		switch token := token.(type) {
		case xml.StartElement:
			return d.start(token)
		case xml.EndElement:
			return token, d.end(token)
		case xml.CharData:
			if len(d.open) > 0 {
				return token, nil
			}
			if len(bytes.TrimLeft(token, " \t\r\n")) > 0 {
				return nil, d.invalid("there is text outside the root element")
			}
		case xml.ProcInst:
			if token.Target == "xml" && d.nodes > 1 {
				return nil, d.invalid("the XML declaration is not at the beginning")
			}
		case xml.Directive:
			if isExternal(token) {
				return nil, ErrExternal
			}
			return nil, d.invalid("a document type is not allowed")
		}
	}
}

// isExternal reports whether a document type refers to an external subset or
// entity.
func isExternal(doctype xml.Directive) bool {
	return bytes.Contains(doctype, []byte("SYSTEM")) || bytes.Contains(doctype, []byte("PUBLIC"))
}

func (d *decoder) start(token xml.StartElement) (any, error) {
	if len(d.open) == 0 && d.begun {
		return nil, d.invalid("there is more than one root element")
	}
	d.begun = true
	if len(d.open) == MaxDepth {
		return nil, fmt.Errorf("%w: nested deeper than %d elements", ErrTooLarge, MaxDepth)
	}
	if d.nodes += len(token.Attr); d.nodes > MaxNodes {
		return nil, fmt.Errorf("%w: more than %d parts", ErrTooLarge, MaxNodes)
	}
	s := start{raw: token.Name, attrs: token.Attr}
	if len(d.open) > 0 {
		outer := &d.open[len(d.open)-1]
		s.ns, s.lang = outer.ns, outer.lang
	}
	for _, a := range token.Attr {
		if prefix, ok := declared(a.Name); ok {
			if err := d.declare(&s, prefix, a.Value); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if s.name, err = d.resolve(s.ns, token.Name, false); err != nil {
		return nil, err
	}
	seen := make(map[xml.Name]bool, len(token.Attr))
	for _, a := range token.Attr {
		name, err := d.resolve(s.ns, a.Name, true)
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, d.invalid("attribute %.40q is there twice", a.Name.Local)
		}
		seen[name] = true
		if name == (xml.Name{Space: xmlNS, Local: "lang"}) {
			s.lang = a.Value
		}
	}
	d.open = append(d.open, s)
	return s, nil
}

func (d *decoder) end(token xml.EndElement) error {
	if len(d.open) == 0 || d.open[len(d.open)-1].raw != token.Name {
		return d.invalid("the end tag %.40q does not match", token.Name.Local)
	}
	d.open = d.open[:len(d.open)-1]
	return nil
}

// declared reports whether an attribute declares a namespace, and its prefix.
func declared(name xml.Name) (prefix string, ok bool) {
	if name.Space == "xmlns" {
		return name.Local, true
	}
	return "", name.Space == "" && name.Local == "xmlns"
}

// declare binds a prefix by the rules of Namespaces in XML 1.0, section 3.
func (d *decoder) declare(s *start, prefix, uri string) error {
	switch {
	case prefix != "" && uri == "":
		return d.invalid("prefix %.40q is bound to nothing", prefix)
	case prefix == "xmlns", uri == xmlnsNS, (prefix == "xml") != (uri == xmlNS):
		return d.invalid("prefix %.40q must not be bound to that", prefix)
	case len(uri) > maxNameSize:
		return fmt.Errorf("%w: a namespace of more than %d bytes", ErrTooLarge, maxNameSize)
	}
	s.ns = &scope{prefix: prefix, uri: uri, outer: s.ns}
	return nil
}

// resolve resolves the prefix of a name to its namespace. An attribute without
// a prefix has none.
func (d *decoder) resolve(ns *scope, raw xml.Name, attr bool) (xml.Name, error) {
	if len(raw.Space) > maxNameSize || len(raw.Local) > maxNameSize {
		return xml.Name{}, fmt.Errorf("%w: a name of more than %d bytes", ErrTooLarge, maxNameSize)
	}
	if !isNCName(raw.Local) || raw.Space != "" && !isNCName(raw.Space) {
		return xml.Name{}, d.invalid("%.40q is no name", raw.Local)
	}
	if attr {
		if _, ok := declared(raw); ok {
			return xml.Name{Space: xmlnsNS, Local: raw.Local}, nil
		}
		if raw.Space == "" {
			return raw, nil
		}
	}
	uri, ok := ns.lookup(raw.Space)
	if !ok {
		return xml.Name{}, d.invalid("prefix %.40q is not declared", raw.Space)
	}
	return xml.Name{Space: uri, Local: raw.Local}, nil
}

// skip skips the rest of the element whose start was read last.
func (d *decoder) skip() error {
	for depth := len(d.open); len(d.open) >= depth; {
		if _, err := d.next(); err != nil {
			return err
		}
	}
	return nil
}

// finish reads to the end of the document.
func (d *decoder) finish() error {
	for {
		if _, err := d.next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

func (d *decoder) invalid(format string, args ...any) error {
	line, _ := d.xml.InputPos()
	return fmt.Errorf("%w: line %d: %s", ErrInvalid, line, fmt.Sprintf(format, args...))
}

// fault returns the reader's own error if there is one, else one for bad XML.
func (d *decoder) fault(err error) error {
	var tooLarge *http.MaxBytesError
	var syntax *xml.SyntaxError
	switch {
	case errors.As(d.in.err, &tooLarge):
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, tooLarge.Limit)
	case d.in.err != nil:
		return d.in.err
	case err == io.EOF && d.nodes == 0:
		return errEmpty
	case err == io.EOF:
		return d.invalid("it ends too early")
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: line %d: %s", ErrInvalid, syntax.Line, syntax.Msg)
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}
