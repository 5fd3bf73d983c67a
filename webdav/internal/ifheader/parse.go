// Package ifheader parses and evaluates the If header: RFC 4918, section 10.4.
//
// The header has two purposes (section 10.4.1). It is a condition, evaluated by
// Eval: at least one of its lists must hold. And every state token anywhere in
// it counts as submitted, whether the condition holds or not: those are the
// Tokens.
package ifheader

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrInvalid is wrapped by the errors of Parse (400).
var ErrInvalid = errors.New("invalid If header")

// Limits of a header.
const (
	maxLength     = 16 << 10 // bytes
	maxConditions = 256
)

// A Header is a parsed If header. The zero Header is that of a request
// without one.
type Header struct {
	Lists []List
}

// A List holds if all its conditions hold.
type List struct {
	Resource   string // the resource tag, as written; "": the request's own resource
	Conditions []Condition
}

// A Condition is one state token or one entity tag.
type Condition struct {
	Not   bool
	Token string // without its angle brackets
	ETag  string // with its quotes and its W/, if Token is empty
}

// Parse parses the values of the If header of a request. More than one value
// is an error: the header is not a comma-separated list.
func Parse(values []string) (Header, error) {
	switch {
	case len(values) == 0:
		return Header{}, nil
	case len(values) > 1:
		return Header{}, fmt.Errorf("%w: it is there more than once", ErrInvalid)
	case len(values[0]) > maxLength:
		return Header{}, fmt.Errorf("%w: longer than %d bytes", ErrInvalid, maxLength)
	}
	p := parser{rest: values[0]}
	return p.header()
}

// Tokens returns every state token that the header submits, each once.
func (h Header) Tokens() []string {
	var tokens []string
	for _, l := range h.Lists {
		for _, c := range l.Conditions {
			if c.Token != "" && !slices.Contains(tokens, c.Token) {
				tokens = append(tokens, c.Token)
			}
		}
	}
	return tokens
}

type parser struct {
	rest  string
	count int // conditions so far
}

func (p *parser) fail(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }

// header parses either untagged lists or tags with the lists that follow each.
func (p *parser) header() (Header, error) {
	var h Header
	p.space()
	tagged := p.at('<')
	for p.rest != "" {
		var tag string
		if tagged {
			var err error
			if tag, err = p.bracketed(isReference); err != nil {
				return Header{}, err
			}
			p.space()
		}
		if !p.at('(') {
			return Header{}, p.fail("a list in round brackets is wanted")
		}
		for p.at('(') {
			conditions, err := p.list()
			if err != nil {
				return Header{}, err
			}
			h.Lists = append(h.Lists, List{Resource: tag, Conditions: conditions})
			p.space()
		}
		if !tagged && p.rest != "" {
			return Header{}, p.fail("something that is no list follows the lists")
		}
	}
	if len(h.Lists) == 0 {
		return Header{}, p.fail("it is empty")
	}
	return h, nil
}

func (p *parser) list() ([]Condition, error) {
	p.rest = p.rest[1:]
	var conditions []Condition
	for {
		p.space()
		if p.at(')') {
			p.rest = p.rest[1:]
			if len(conditions) == 0 {
				return nil, p.fail("a list is empty")
			}
			return conditions, nil
		}
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		if p.count++; p.count > maxConditions {
			return nil, p.fail("too many conditions")
		}
		conditions = append(conditions, c)
	}
}

func (p *parser) condition() (Condition, error) {
	var c Condition
	if len(p.rest) >= 3 && strings.EqualFold(p.rest[:3], "Not") {
		c.Not = true
		p.rest = p.rest[3:]
		p.space()
	}
	var err error
	switch {
	case p.at('<'):
		c.Token, err = p.bracketed(isAbsolute)
	case p.at('['):
		c.ETag, err = p.etag()
	default:
		err = p.fail("a condition must be a <token> or an [entity tag]")
	}
	return c, err
}

// bracketed parses a URI in angle brackets.
func (p *parser) bracketed(valid func(string) bool) (string, error) {
	if !p.at('<') {
		return "", p.fail("a resource in angle brackets is wanted")
	}
	uri, rest, ok := strings.Cut(p.rest[1:], ">")
	if !ok {
		return "", p.fail("an angle bracket is not closed")
	}
	if !valid(uri) {
		return "", p.fail("what is in angle brackets is no address")
	}
	p.rest = rest
	return uri, nil
}

// etag parses an entity tag in square brackets: RFC 9110, section 8.8.3. A tag
// may contain a closing bracket, so its quotes delimit it.
func (p *parser) etag() (string, error) {
	rest := strings.TrimLeft(p.rest[1:], " \t")
	opaque, weak := strings.CutPrefix(rest, "W/")
	if !strings.HasPrefix(opaque, `"`) {
		return "", p.fail("an entity tag must be quoted")
	}
	end := strings.IndexByte(opaque[1:], '"')
	if end < 0 {
		return "", p.fail("an entity tag's quote is not closed")
	}
	tag := opaque[:end+2]
	if strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", p.fail("an entity tag holds a control character")
	}
	p.rest = strings.TrimLeft(opaque[end+2:], " \t")
	if !p.at(']') {
		return "", p.fail("a square bracket is not closed")
	}
	p.rest = p.rest[1:]
	if weak {
		tag = "W/" + tag
	}
	return tag, nil
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

func (p *parser) at(c byte) bool { return p.rest != "" && p.rest[0] == c }

// isAbsolute reports whether uri is an absolute URI, as far as comparing tokens
// needs it: a scheme, a colon, and no character that is invalid in a header.
func isAbsolute(uri string) bool {
	scheme, rest, ok := strings.Cut(uri, ":")
	return ok && isScheme(scheme) && rest != "" && printable(rest)
}

// isReference reports whether uri is a Simple-ref (section 8.3): an absolute
// URI or path.
func isReference(uri string) bool {
	return isAbsolute(uri) || strings.HasPrefix(uri, "/") && printable(uri)
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if letter := 'a' <= c && c <= 'z'; !letter && (i == 0 || !strings.Contains("0123456789+-.", s[i:i+1])) {
			return false
		}
	}
	return s != ""
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' })
}
