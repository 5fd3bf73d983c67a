package davxml

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"time"
)

// A Prop is one property in a response. The zero Prop is omitted.
type Prop struct{ xml string }

// Empty returns a property without a value, as in a response with names only.
// It returns the zero Prop for a name that is invalid in XML.
func Empty(name xml.Name) Prop { return inner(name, "") }

// Text returns a property whose value is text.
func Text(name xml.Name, value string) Prop {
	var b strings.Builder
	escape(&b, value, false)
	return inner(name, b.String())
}

// Whole returns a property that was parsed before.
func Whole(e Element) Prop { return Prop{e.XML} }

// ResourceType returns the property DAV:resourcetype (section 15.9).
func ResourceType(collection bool) Prop {
	if collection {
		return inner(Name("resourcetype"), "<D:collection/>")
	}
	return Empty(Name("resourcetype"))
}

// SupportedLock returns the property DAV:supportedlock of a server with
// exclusive and shared write locks (section 15.10).
func SupportedLock() Prop {
	return inner(Name("supportedlock"),
		"<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"+
			"<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>")
}

// An ActiveLock is one lock in lockdiscovery (section 14.1).
type ActiveLock struct {
	Shared   bool
	Infinite bool
	Owner    string        // the whole owner element; left out if it is none
	Timeout  time.Duration // what remains
	Token    string        // "" hides it
	Root     string        // escaped address of the lock's root
}

// LockDiscovery returns the property DAV:lockdiscovery (section 15.8).
func LockDiscovery(locks ...ActiveLock) Prop {
	var b strings.Builder
	for _, l := range locks {
		scope, depth := "exclusive", "0"
		if l.Shared {
			scope = "shared"
		}
		if l.Infinite {
			depth = "infinity"
		}
		fmt.Fprintf(&b, "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:%s/></D:lockscope><D:depth>%s</D:depth>", scope, depth)
		if e, err := ParseElement(l.Owner); err == nil && e.Name == Name("owner") {
			b.WriteString(e.XML)
		}
		fmt.Fprintf(&b, "<D:timeout>Second-%d</D:timeout>", int64(math.Ceil(max(l.Timeout.Seconds(), 1))))
		if l.Token != "" {
			b.WriteString("<D:locktoken>" + href(l.Token) + "</D:locktoken>")
		}
		b.WriteString("<D:lockroot>" + href(l.Root) + "</D:lockroot></D:activelock>")
	}
	return inner(Name("lockdiscovery"), b.String())
}

func href(address string) string {
	var b strings.Builder
	b.WriteString("<D:href>")
	escape(&b, address, false)
	b.WriteString("</D:href>")
	return b.String()
}

// inner wraps XML in an element. DAV: has the prefix D of the root; any
// other namespace is declared on the element.
func inner(name xml.Name, content string) Prop {
	if !isNCName(name.Local) || name.Space == xmlnsNS {
		return Prop{}
	}
	tag, declaration := name.Local, ""
	switch name.Space {
	case NS:
		tag = "D:" + tag
	case xmlNS:
		tag = "xml:" + tag
	case "":
	default:
		var b strings.Builder
		tag = "x:" + tag
		writeAttrs(&b, []xml.Attr{{Name: xml.Name{Space: "xmlns", Local: "x"}, Value: name.Space}})
		declaration = b.String()
	}
	if content == "" {
		return Prop{"<" + tag + declaration + "/>"}
	}
	return Prop{"<" + tag + declaration + ">" + content + "</" + tag + ">"}
}
