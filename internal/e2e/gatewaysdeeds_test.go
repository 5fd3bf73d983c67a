//go:build unix

package e2e

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// work does one thing after another until ctx ends.
func (c *loadClient) work(ctx context.Context) {
	c.stale = map[string][2]string{}
	for ctx.Err() == nil {
		between(ctx, c.random, 0, 100*time.Millisecond)
		switch n := c.random.IntN(100); {
		case n < 14:
			c.put(c.room.name(plainFile))
		case n < 19:
			c.moveIn(c.room.name(plainFile), "")
		case n < 22:
			c.remove(c.room.name(plainFile))
		case n < 36:
			c.see(c.any())
		case n < 42:
			c.part(c.any())
		case n < 50:
			c.list()
		case n < 66:
			c.replace(c.room.name(guardedFile))
		case n < 80:
			c.session(ctx)
		case n < 83:
			c.put(c.anyLocked()) // which is refused while another has a lock
		case n < 88:
			c.describe(c.room.name(described))
		case n < 93:
			c.property(c.room.name(described))
		case n < 97:
			c.copyOut(c.room.name(plainFile))
		default:
			c.makeFolder(c.room.name(subfolder))
		}
	}
}

// any returns the name of a file.
func (c *loadClient) any() string {
	if kind := []string{plainFile, guardedFile, ""}[c.random.IntN(3)]; kind != "" {
		return c.room.name(kind)
	}
	return c.anyLocked()
}

// put writes a file, whatever is there.
func (c *loadClient) put(name string) {
	value, body := c.content()
	a := c.change(name, writing{value: value}, http.MethodPut, name, body)
	c.expect(a, "PUT "+name, http.StatusLocked)
}

func (c *loadClient) remove(name string) {
	a := c.change(name, writing{}, http.MethodDelete, name, "")
	if a.code == http.StatusNotFound {
		c.saw(name, look{"", a.sent, a.ended, "DELETE"})
	}
	c.expect(a, "DELETE "+name, http.StatusNotFound, http.StatusLocked)
}

// replace writes a file on condition of what is there, or was.
func (c *loadClient) replace(name string) {
	value, tag, ok := c.see(name)
	if !ok {
		return
	}
	condition := []string{"If-None-Match", "*"}
	if value != "" {
		if c.random.IntN(8) > 0 || c.stale[name][0] == "" {
			c.stale[name] = [2]string{value, tag}
		}
		value, tag = c.stale[name][0], c.stale[name][1]
		condition = []string{"If-Match", tag}
	}
	next, body := c.content()
	a := c.change(name, writing{value: next, base: &value}, http.MethodPut, name, body, condition...)
	c.expect(a, "PUT "+name, http.StatusPreconditionFailed, http.StatusLocked)
}

// moveIn stores a file under a name of its own and moves it over another, as editors
// do, with the token of a lock or without.
func (c *loadClient) moveIn(name, token string) reply {
	value, body := c.content()
	temporary := fmt.Sprintf("%s/own-%d-%d", c.room.path, c.id, c.number)
	if a := c.call(http.MethodPut, temporary, body); a.outcome != isDone {
		c.expect(a, "PUT "+temporary, http.StatusLocked) // of the folder
		return a
	}
	header := []string{"Destination", name}
	if token != "" {
		header = append(header, "If", fmt.Sprintf("<%s> (<%s>)", name, token))
	}
	a := c.change(name, writing{value: value, token: token}, "MOVE", temporary, "", header...)
	c.expect(a, "MOVE to "+name, http.StatusLocked, http.StatusPreconditionFailed)
	if a.outcome == isRefused {
		if token == "" && a.code == http.StatusPreconditionFailed {
			c.fault("unexpected answer", "MOVE to %s without a condition: 412", name)
		}
		c.call(http.MethodDelete, temporary, "")
	}
	return a
}

// copyOut copies a file to a name of its own, which shows what it was.
func (c *loadClient) copyOut(name string) {
	c.number++
	own := fmt.Sprintf("%s/copy-%d-%d", c.room.path, c.id, c.number)
	a := c.call("COPY", name, "", "Destination", own)
	c.expect(a, "COPY "+name, http.StatusNotFound, http.StatusLocked)
	if a.code == http.StatusNotFound {
		c.saw(name, look{"", a.sent, a.ended, "COPY"})
	}
	if a.outcome != isDone {
		return
	}
	b := c.call(http.MethodGet, own, "")
	switch value, ok := whole(b.body); {
	case b.code == http.StatusOK && ok:
		c.saw(name, look{value, a.sent, a.ended, "COPY"})
	case b.code == http.StatusOK:
		c.fault("torn", "%s, copied of %s, shows %d bytes that begin with %q", own, name, len(b.body), value)
	default:
		c.expect(b, "GET "+own+", copied of "+name)
	}
	c.call(http.MethodDelete, own, "")
}

// part reads a few bytes of a file.
func (c *loadClient) part(name string) {
	from := c.random.IntN(50)
	to := from + 50 + c.random.IntN(20_000)
	a := c.call(http.MethodGet, name, "", "Range", fmt.Sprintf("bytes=%d-%d", from, to))
	c.expect(a, "GET of a part of "+name, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable)
	if a.code == http.StatusNotFound {
		c.saw(name, look{"", a.sent, a.ended, "GET of a part"})
	}
	value, known := c.byTag(name, a.header.Get("ETag"))
	if a.code != http.StatusPartialContent || !known {
		return
	}
	content := contentNamed(value)
	if want := content[from:min(to+1, len(content))]; a.body != want {
		c.fault("torn", "%s shows other %d bytes from %d on than %q has", name, len(a.body), from, value)
	}
	c.count("parts were compared")
	c.saw(name, look{value, a.sent, a.ended, "GET of a part"})
}

type listing struct {
	Responses []struct {
		Href string `xml:"href"`
		Tag  string `xml:"propstat>prop>getetag"`
	} `xml:"response"`
}

// list looks at all files of the room by its listing.
func (c *loadClient) list() {
	names := []string{c.room.name(plainFile), c.room.name(guardedFile), c.anyLocked(), c.anyLocked()}
	a := c.call("PROPFIND", c.room.path+"/", "", "Depth", "1")
	if a.code != http.StatusMultiStatus {
		c.expect(a, "PROPFIND "+c.room.path)
		return
	}
	var l listing
	if err := xml.Unmarshal([]byte(a.body), &l); err != nil {
		c.fault("unexpected answer", "PROPFIND %s: %v", c.room.path, err)
		return
	}
	for _, name := range names {
		value, known := "", true
		for _, r := range l.Responses {
			if path.Base(r.Href) == path.Base(name) {
				value, known = c.byTag(name, r.Tag)
			}
		}
		if known {
			c.saw(name, look{value, a.sent, a.ended, "PROPFIND"})
		}
	}
}

// propertyMark is at the end of the name under which the property of a file is in
// the chronicle.
const propertyMark = "#property"

var propertyValue = regexp.MustCompile(`client \d+ number \d+ has \d+`)

// describe sets the property of a file.
func (c *loadClient) describe(name string) {
	c.number++
	value := fmt.Sprintf("client %d number %d has 0", c.id, c.number)
	a := c.call("PROPPATCH", name, `<propertyupdate xmlns="DAV:"><set><prop><p xmlns="urn:load">`+value+`</p></prop></set></propertyupdate>`)
	c.expect(a, "PROPPATCH "+name, http.StatusLocked)
	if a.code == http.StatusMultiStatus && !strings.Contains(a.body, "HTTP/1.1 200") {
		a.outcome = isUnknown
		c.count("PROPPATCH without success")
	}
	c.note(name+propertyMark, writing{value: value}, a)
}

// property looks at the property of a file.
func (c *loadClient) property(name string) bool {
	a := c.call("PROPFIND", name, `<propfind xmlns="DAV:"><prop><p xmlns="urn:load"/></prop></propfind>`, "Depth", "0")
	if a.code != http.StatusMultiStatus {
		c.expect(a, "PROPFIND "+name)
		return false
	}
	value := propertyValue.FindString(a.body)
	if value == "" && !strings.Contains(a.body, "HTTP/1.1 404") {
		return false // it could not be asked for
	}
	c.saw(name+propertyMark, look{value, a.sent, a.ended, "PROPFIND"})
	return true
}

// makeFolder makes a folder, which one client does, and that one removes the next.
func (c *loadClient) makeFolder(name string) {
	c.number++
	none := ""
	a := c.change(name, writing{value: fmt.Sprintf("client %d number %d", c.id, c.number), base: &none}, "MKCOL", name, "")
	c.expect(a, "MKCOL "+name, http.StatusMethodNotAllowed, http.StatusLocked)
	if a.outcome != isDone {
		return
	}
	c.room.leave(name)
	inside := name + "/inside"
	value, body := c.content()
	if b := c.change(inside, writing{value: value}, http.MethodPut, inside, body); b.outcome != isDone {
		c.expect(b, "PUT "+inside, http.StatusLocked)
		return
	}
	if c.see(inside); c.random.IntN(2) == 0 {
		return
	}
	b := c.change(inside, writing{}, http.MethodDelete, name+"/", "")
	c.wrote(name, writing{by: c.id, sent: b.sent, ended: b.ended, outcome: b.outcome, code: b.code})
	c.expect(b, "DELETE "+name, http.StatusLocked)
	c.see(inside)
}
