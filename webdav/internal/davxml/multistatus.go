package davxml

import (
	"encoding/xml"
	"io"
	"net/http"
)

// ContentType is the media type of every body written here.
const ContentType = "application/xml; charset=utf-8"

const prologue = `<?xml version="1.0" encoding="utf-8"?>` + "\n"

// A Response is the result for one resource (section 14.24), without values:
// Propstats or, if those have no property, the Status of the resource as a
// whole.
type Response struct {
	Href        string // escaped as an address
	Status      int    // 0: 200
	Propstats   []Propstat
	Error       *Precondition
	Description string // for people
}

// A Propstat is the names of the properties with the same status (section
// 14.22).
type Propstat struct {
	Status      int // 0: 200
	Names       []xml.Name
	Error       *Precondition
	Description string
}

// BlockSize is what a Multistatus writes at once, unless a single response is
// larger.
const BlockSize = 64 << 10

// A Multistatus writes the body of a 207 (section 13), one response at a
// time, in blocks. A caller that must still be able to change the status passes
// a bytes.Buffer as the writer.
type Multistatus struct {
	w     io.Writer
	buf   []byte
	begun bool
	err   error
}

// NewMultistatus returns a writer of a multistatus body to w. Nothing is
// written before the first block is full, or Close. The capacity of buf, which
// may be nil, is used until then, and returned by Buffer.
func NewMultistatus(w io.Writer, buf []byte) *Multistatus { return &Multistatus{w: w, buf: buf[:0]} }

// Buffer returns the buffer for another use, after Close.
func (m *Multistatus) Buffer() []byte { return m.buf[:0] }

// Append adds a response, whose content is what content appends after the
// address: that is escaped, followed by a path that is not.
func (m *Multistatus) Append(address, path string, content func(dst []byte) []byte) error {
	m.begin()
	m.buf = append(m.buf, "<D:response>"...)
	m.buf = content(AppendHref(m.buf, address, path))
	m.buf = append(m.buf, "</D:response>\n"...)
	if len(m.buf) >= BlockSize {
		m.flush()
	}
	return m.err
}

// Write adds a response.
func (m *Multistatus) Write(r Response) error {
	return m.Append(r.Href, "", func(dst []byte) []byte {
		propstats, found := AppendPropstats(dst, r.Propstats)
		if dst = propstats; !found {
			dst = AppendStatus(dst, r.Status)
		}
		return appendOutcome(dst, r.Error, r.Description)
	})
}

// AppendPropstats appends those that have a property, and reports whether there
// are any.
func AppendPropstats(dst []byte, propstats []Propstat) (_ []byte, found bool) {
	for _, p := range propstats {
		if len(p.Names) == 0 {
			continue
		}
		found = true
		dst = AppendPropstatStart(dst)
		for _, name := range p.Names {
			dst = AppendEmpty(dst, name)
		}
		dst = appendPropstatEnd(dst, p)
	}
	return dst, found
}

// AppendPropstatStart begins a propstat, which holds the properties that follow.
func AppendPropstatStart(dst []byte) []byte { return append(dst, "<D:propstat><D:prop>"...) }

// AppendPropstatEnd ends a propstat.
func AppendPropstatEnd(dst []byte, status int) []byte {
	if status == http.StatusOK { // as with nearly all
		return append(dst, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"...)
	}
	return appendPropstatEnd(dst, Propstat{Status: status})
}

func appendPropstatEnd(dst []byte, p Propstat) []byte {
	dst = AppendStatus(append(dst, "</D:prop>"...), p.Status)
	return append(appendOutcome(dst, p.Error, p.Description), "</D:propstat>"...)
}

func appendOutcome(dst []byte, p *Precondition, description string) []byte {
	if p != nil {
		dst = append(dst, "<D:error>"...)
		dst = append(p.append(dst), "</D:error>"...)
	}
	if description != "" {
		dst = append(dst, "<D:responsedescription>"...)
		dst = append(appendEscaped(dst, description, false), "</D:responsedescription>"...)
	}
	return dst
}

// Close ends the body and writes what is left of it. It does not close the
// underlying writer.
func (m *Multistatus) Close() error {
	m.begin()
	m.buf = append(m.buf, "</D:multistatus>\n"...)
	m.flush()
	return m.err
}

func (m *Multistatus) begin() {
	if !m.begun {
		m.begun = true
		m.buf = append(m.buf, prologue+`<D:multistatus xmlns:D="DAV:">`+"\n"...)
	}
}

// flush writes the buffer. After an error nothing is written any more.
func (m *Multistatus) flush() {
	if m.err == nil {
		_, m.err = m.w.Write(m.buf)
	}
	m.buf = m.buf[:0]
}
