// Package davxml parses the XML bodies of WebDAV requests and writes those of
// responses: RFC 4918, sections 8.2, 9 and 14.
//
// Parsing is strict and bounded, because the input is untrusted: ReadPropfind,
// ReadPropertyUpdate and ReadLockInfo reject XML that is not well-formed with
// namespaces, every document type and so every entity, and documents beyond the
// limits below. Unknown elements are skipped (section 17).
//
// Writing declares the prefix D for DAV: once, on the root, and uses it for
// every element of that namespace, as hand-written parsers of clients expect.
// Other namespaces are declared where they are used. The output is always
// well-formed.
package davxml

import (
	"encoding/xml"
	"errors"
	"fmt"
)

// NS is the namespace of WebDAV itself.
const NS = "DAV:"

// Limits of a request's body.
const (
	MaxBody     = 1 << 20 // bytes
	MaxDepth    = 64      // elements within elements
	MaxNodes    = 20_000  // elements, attributes, texts and comments together
	MaxProps    = 500     // properties named in one request
	MaxOwner    = 4 << 10 // bytes of a lock's owner element
	maxNameSize = 1 << 10 // bytes of a name, prefix or namespace
)

// Errors of the Read functions, besides those of the reader itself.
var (
	// ErrInvalid means that a body is not the expected XML (400).
	ErrInvalid = errors.New("invalid XML body")
	// ErrExternal means that a body refers to an external entity or document
	// type (403 with no-external-entities). It wraps ErrInvalid.
	ErrExternal = fmt.Errorf("%w: an external entity", ErrInvalid)
	// ErrTooLarge means that a body is beyond a limit (413).
	ErrTooLarge = errors.New("XML body too large")
)

// Name returns a name in the namespace of WebDAV.
func Name(local string) xml.Name { return xml.Name{Space: NS, Local: local} }

// Key formats a name as "{namespace}local", the key of property stores.
func Key(name xml.Name) string { return "{" + name.Space + "}" + name.Local }
