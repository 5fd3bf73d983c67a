package davxml

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ContentType is the media type of every body written here.
const ContentType = "application/xml; charset=utf-8"

const prologue = `<?xml version="1.0" encoding="utf-8"?>` + "\n"

// A Response is the result for one resource (section 14.24): Propstats or,
// if those have no property, the Status of the resource as a whole.
type Response struct {
	Href        string // escaped as an address
	Status      int    // 0: 200
	Propstats   []Propstat
	Error       *Precondition
	Description string // for people
}

// A Propstat is the properties with the same status (section 14.22).
type Propstat struct {
	Status      int // 0: 200
	Props       []Prop
	Error       *Precondition
	Description string
}

// A Multistatus writes the body of a 207 (section 13), one response at a
// time, through a small buffer. A caller that must still be able to change the
// status passes a bytes.Buffer as the writer.
type Multistatus struct {
	w     *bufio.Writer
	begun bool
}

// NewMultistatus returns a writer of a multistatus body to w. Nothing is
// written before the first Write or Close.
func NewMultistatus(w io.Writer) *Multistatus {
	return &Multistatus{w: bufio.NewWriterSize(w, 16<<10)}
}

// Write adds a response.
func (m *Multistatus) Write(r Response) error {
	m.begin()
	m.w.WriteString("<D:response>" + href(r.Href))
	written := false
	for _, p := range r.Propstats {
		if len(p.Props) > 0 {
			m.propstat(p)
			written = true
		}
	}
	if !written {
		m.w.WriteString(statusLine(r.Status))
	}
	m.outcome(r.Error, r.Description)
	_, err := m.w.WriteString("</D:response>\n")
	return err
}

// Close ends the body and flushes the buffer. It does not close the underlying
// writer.
func (m *Multistatus) Close() error {
	m.begin()
	m.w.WriteString("</D:multistatus>\n")
	return m.w.Flush()
}

func (m *Multistatus) begin() {
	if !m.begun {
		m.begun = true
		m.w.WriteString(prologue + `<D:multistatus xmlns:D="DAV:">` + "\n")
	}
}

func (m *Multistatus) propstat(p Propstat) {
	m.w.WriteString("<D:propstat><D:prop>")
	for _, prop := range p.Props {
		m.w.WriteString(prop.xml)
	}
	m.w.WriteString("</D:prop>" + statusLine(p.Status))
	m.outcome(p.Error, p.Description)
	m.w.WriteString("</D:propstat>")
}

func (m *Multistatus) outcome(p *Precondition, description string) {
	if p != nil {
		m.w.WriteString("<D:error>" + p.xml() + "</D:error>")
	}
	if description != "" {
		var b strings.Builder
		escape(&b, description, false)
		m.w.WriteString("<D:responsedescription>" + b.String() + "</D:responsedescription>")
	}
}

// statusLine formats a status. Some clients compare it literally.
func statusLine(code int) string {
	if code == 0 {
		code = http.StatusOK
	}
	return fmt.Sprintf("<D:status>HTTP/1.1 %d %s</D:status>", code, http.StatusText(code))
}

// WriteProp writes a body that is one DAV:prop, the response to a LOCK (section
// 9.10.1).
func WriteProp(w io.Writer, props ...Prop) error {
	var b strings.Builder
	b.WriteString(prologue + `<D:prop xmlns:D="DAV:">`)
	for _, p := range props {
		b.WriteString(p.xml)
	}
	b.WriteString("</D:prop>\n")
	_, err := io.WriteString(w, b.String())
	return err
}
