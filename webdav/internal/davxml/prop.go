package davxml

import (
	"io"
	"math"
	"strconv"
	"time"
)

// AppendResourceType appends the property DAV:resourcetype (section 15.9).
func AppendResourceType(dst []byte, collection bool) []byte {
	if collection {
		return append(dst, "<D:resourcetype><D:collection/></D:resourcetype>"...)
	}
	return append(dst, "<D:resourcetype/>"...)
}

// AppendSupportedLock appends the property DAV:supportedlock of a server with
// exclusive and shared write locks (section 15.10).
func AppendSupportedLock(dst []byte) []byte {
	return append(dst, "<D:supportedlock>"+
		"<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"+
		"<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"+
		"</D:supportedlock>"...)
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

// AppendLockDiscovery appends the property DAV:lockdiscovery (section 15.8).
func AppendLockDiscovery(dst []byte, locks ...ActiveLock) []byte {
	if len(locks) == 0 {
		return AppendEmpty(dst, Name("lockdiscovery"))
	}
	dst = AppendStart(dst, Name("lockdiscovery"))
	for _, l := range locks {
		dst = l.append(dst)
	}
	return AppendEnd(dst, Name("lockdiscovery"))
}

func (l ActiveLock) append(dst []byte) []byte {
	scope, depth := "exclusive", "0"
	if l.Shared {
		scope = "shared"
	}
	if l.Infinite {
		depth = "infinity"
	}
	dst = append(dst, "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:"+scope+"/></D:lockscope><D:depth>"+depth+"</D:depth>"...)
	if e, err := ParseElement(l.Owner); err == nil && e.Name == Name("owner") {
		dst = append(dst, e.XML...)
	}
	dst = append(dst, "<D:timeout>Second-"...)
	dst = strconv.AppendInt(dst, int64(math.Ceil(max(l.Timeout.Seconds(), 1))), 10)
	dst = append(dst, "</D:timeout>"...)
	if l.Token != "" {
		dst = append(dst, "<D:locktoken>"...)
		dst = append(AppendHref(dst, l.Token, ""), "</D:locktoken>"...)
	}
	dst = append(dst, "<D:lockroot>"...)
	return append(AppendHref(dst, l.Root, ""), "</D:lockroot></D:activelock>"...)
}

// WriteProp writes a body that is one DAV:prop, the response to a LOCK (section
// 9.10.1), with the properties that have been appended.
func WriteProp(w io.Writer, props []byte) error {
	body := append([]byte(prologue+`<D:prop xmlns:D="DAV:">`), props...)
	_, err := w.Write(append(body, "</D:prop>\n"...))
	return err
}
