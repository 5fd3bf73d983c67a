package webdav

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// proppatch wraps instructions into the body of a PROPPATCH.
func proppatch(instructions string) string {
	return `<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:z="urn:z">` + instructions + `</D:propertyupdate>`
}

// setProp is the instruction that sets one property.
func setProp(element string) string { return "<D:set><D:prop>" + element + "</D:prop></D:set>" }

func propfind(inner string) string {
	return `<D:propfind xmlns:D="DAV:" xmlns:z="urn:z">` + inner + `</D:propfind>`
}

// rfcProperties: sections 4, 9.1, 9.2, 15 and 17.
func rfcProperties() []requirement {
	return []requirement{
		{"4.3-value-keeps-names-attributes-and-children", func(s *share) {
			s.put("/f", "x")
			s.want(207, "PROPPATCH", "/f", proppatch(setProp(`<z:p xmlns:a="urn:a" a:k="1&lt;">t<a:c z:d="&quot;"><e xmlns="urn:e"/></a:c>&amp;</z:p>`)))
			got := s.properties("/f", "{urn:z}p")["{urn:z}p"]
			if want := `t<a:c z:d="&quot;"><e xmlns="urn:e"/></a:c>&amp;`; got != want {
				s.Errorf("got %s, want %s", got, want)
			}
			if body := s.want(207, "PROPFIND", "/f", propfind(`<D:prop><p xmlns="urn:z"/></D:prop>`), "Depth: 0").body; !strings.Contains(body, `a:k="1&lt;"`) || !strings.Contains(body, `xmlns:a="urn:a"`) {
				s.Errorf("the attribute is not in %s", body)
			}
		}},
		{"4.3-white-space-is-kept", func(s *share) {
			s.put("/f", "x")
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>\n a  b\t<z:q/> </z:p>")))
			if got, want := s.properties("/f", "{urn:z}p")["{urn:z}p"], "\n a  b\t<z:q/> "; got != want {
				s.Errorf("got %q, want %q", got, want)
			}
		}},
		{"4.3-language-in-scope-is-kept", func(s *share) {
			s.put("/f", "x")
			for set, want := range map[string]string{
				`<D:set><D:prop xml:lang="de"><z:p>ä</z:p></D:prop></D:set>`:                                 "de",
				`<D:set xml:lang="en"><D:prop xml:lang="fr"><z:p>ä</z:p></D:prop></D:set>`:                   "fr",
				`<D:set xml:lang="en"><D:prop><z:p xml:lang="ru">ä</z:p></D:prop></D:set>`:                   "ru",
				`<D:set><D:prop xml:lang="en"><z:q>x</z:q></D:prop><D:prop><z:p>none</z:p></D:prop></D:set>`: "",
			} {
				s.want(207, "PROPPATCH", "/f", proppatch(set))
				var found struct {
					Lang []struct {
						Value string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
					} `xml:"response>propstat>prop>p"`
				}
				if err := xml.Unmarshal([]byte(s.want(207, "PROPFIND", "/f", propfind("<D:prop><z:p/></D:prop>"), "Depth: 0").body), &found); err != nil || len(found.Lang) != 1 || found.Lang[0].Value != want {
					s.Errorf("%s: got %v, %v; want %q", set, found, err, want)
				}
			}
		}},
		{"9.1-depths-0-and-1", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/f", "x")
			for depth, want := range map[string]string{"0": "[/d/]", "1": "[/d/ /d/f]"} {
				if got := fmt.Sprint(s.want(207, "PROPFIND", "/d", "", "Depth: "+depth).multistatus(s.T).hrefs()); got != want {
					s.Errorf("depth %s: %s, want %s", depth, got, want)
				}
			}
		}},
		{"9.1-no-depth-is-infinity", func(s *share) {
			s.want(403, "PROPFIND", "/", "")
			s.put("/f", "x")
			s.want(207, "PROPFIND", "/f", "") // a file has no members
		}},
		{"9.1-infinity-where-it-is-switched-on", func(s *share) {
			s.tree("/d")
			bounded := newShare(s.T, s.fs, WithDepthInfinity(5))
			bounded.want(201, "LOCK", "/d/e/new", lockBody)
			for _, headers := range [][]string{nil, {"Depth: infinity"}} {
				if got := fmt.Sprint(bounded.want(207, "PROPFIND", "/d", "", headers...).multistatus(s.T).hrefs()); got != "[/d/ /d/e/ /d/e/g /d/e/new /d/f]" {
					s.Errorf("got %s", got)
				}
			}
			if a := bounded.want(403, "PROPFIND", "/", "", "Depth: infinity"); !strings.Contains(a.body, "<D:propfind-finite-depth/>") {
				s.Errorf("one more than the bound: %s", a.body)
			}
		}},
		{"9.1.1-infinity-refused-with-its-condition", func(s *share) {
			a := s.want(403, "PROPFIND", "/", "", "Depth: infinity")
			if !strings.Contains(a.body, "<D:propfind-finite-depth/>") {
				s.Errorf("no condition in %s", a.body)
			}
		}},
		{"9.1-empty-body-is-allprop", func(s *share) {
			s.put("/f", "x")
			empty := s.want(207, "PROPFIND", "/f", "", "Depth: 0").body
			if all := s.want(207, "PROPFIND", "/f", propfind("<D:allprop/>"), "Depth: 0").body; empty != all {
				s.Errorf("an empty body gives\n%s\nallprop\n%s", empty, all)
			}
		}},
		{"9.1-media-type-is-xml", func(s *share) {
			a := s.want(207, "PROPFIND", "/", "", "Depth: 0")
			if got := a.header.Get("Content-Type"); got != `application/xml; charset=utf-8` {
				s.Errorf("the type is %q", got)
			}
			if m := a.multistatus(s.T); m.XMLName != (xml.Name{Space: "DAV:", Local: "multistatus"}) || len(m.Responses) != 1 {
				s.Errorf("got %+v", m)
			}
		}},
		{"9.1-each-href-once", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/"+escape(hostile), "x")
			s.lock("/d/missing")
			seen := map[string]bool{}
			for _, href := range s.want(207, "PROPFIND", "/d/", "", "Depth: 1").multistatus(s.T).hrefs() {
				if seen[href] {
					s.Errorf("%s is there twice", href)
				}
				seen[href] = true
			}
			if len(seen) != 3 {
				s.Errorf("%d resources, want the folder and two members", len(seen))
			}
		}},
		{"9.1-unknown-property-is-404-in-the-207", func(s *share) {
			s.put("/f", "x")
			m := s.want(207, "PROPFIND", "/f", propfind(`<D:prop><D:getetag/><z:none xmlns:z="urn:z"/></D:prop>`), "Depth: 0").multistatus(s.T)
			if _, status := m.prop("/f", "urn:z", "none"); status != "HTTP/1.1 404 Not Found" {
				s.Errorf("the unknown one: %q", status)
			}
			if _, status := m.prop("/f", "DAV:", "getetag"); status != "HTTP/1.1 200 OK" {
				s.Errorf("the known one: %q", status)
			}
		}},
		{"9.1-unreadable-property-has-its-error-in-the-207", func(s *share) {
			c, ok := s.fs.(*capableFs)
			if !ok {
				return // the others have no property that may fail alone
			}
			c.failOn(503, "usage")
			m := s.want(207, "PROPFIND", "/", propfind(`<D:prop><D:quota-used-bytes/><D:resourcetype/></D:prop>`), "Depth: 0").multistatus(s.T)
			for name, want := range map[string]string{"quota-used-bytes": "HTTP/1.1 503 Service Unavailable", "resourcetype": "HTTP/1.1 200 OK"} {
				if _, status := m.prop("/", "DAV:", name); status != want {
					s.Errorf("%s: %q, want %q", name, status, want)
				}
			}
		}},
		{"9.1-missing-resource-is-404", func(s *share) { s.want(404, "PROPFIND", "/none", "", "Depth: 0") }},
		{"9.1.4-propname-returns-names-only", func(s *share) {
			s.put("/f", "secret content")
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>value</z:p>")))
			m := s.want(207, "PROPFIND", "/f", propfind("<D:propname/>"), "Depth: 0").multistatus(s.T)
			for _, name := range [][2]string{{"DAV:", "getetag"}, {"DAV:", "resourcetype"}, {"urn:z", "p"}} {
				if p, status := m.prop("/f", name[0], name[1]); status != "HTTP/1.1 200 OK" || p.Inner != "" {
					s.Errorf("%s: %q, %q", name, status, p.Inner)
				}
			}
		}},
		{"9.1-propname-includes-all", func(s *share) {
			s.put("/f", "x")
			m := s.want(207, "PROPFIND", "/", propfind("<D:propname/>"), "Depth: 1").multistatus(s.T)
			_, capable := s.fs.(Usager)
			for _, c := range []struct {
				at, space, local string
				want             bool
			}{
				{"/f", "DAV:", "getcontentlength", true}, {"/f", nsMicrosoft, "Win32LastModifiedTime", true}, {"/f", nsOwnCloud, "checksums", capable},
				{"/", "DAV:", "quota-used-bytes", capable}, {"/", "DAV:", "resourcetype", true}, {"/", "DAV:", "getcontentlength", false}, {"/f", "DAV:", "quota-used-bytes", false},
			} {
				if _, status := m.prop(c.at, c.space, c.local); (status == "HTTP/1.1 200 OK") != c.want {
					s.Errorf("%s of %s: %q, want it: %v", c.local, c.at, status, c.want)
				}
			}
		}},
		{"9.1.5-allprop-has-dead-and-defined-live-ones", func(s *share) {
			s.put("/f", "x")
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>value</z:p>")))
			m := s.want(207, "PROPFIND", "/f", propfind("<D:allprop/>"), "Depth: 0").multistatus(s.T)
			for _, name := range []string{"creationdate", "displayname", "getcontentlength", "getcontenttype", "getetag", "getlastmodified", "lockdiscovery", "resourcetype", "supportedlock"} {
				if _, status := m.prop("/f", "DAV:", name); status != "HTTP/1.1 200 OK" {
					s.Errorf("%s: %q", name, status)
				}
			}
			if p, _ := m.prop("/f", "urn:z", "p"); p.Text != "value" {
				s.Errorf("the dead property is %q", p.Text)
			}
		}},
		{"9.1.6-include-adds-to-allprop", func(s *share) {
			quota := "HTTP/1.1 404 Not Found"
			if _, ok := s.fs.(Usager); ok {
				quota = "HTTP/1.1 200 OK"
			}
			m := s.want(207, "PROPFIND", "/", propfind(`<D:allprop/><D:include><D:quota-used-bytes/><D:none/></D:include>`), "Depth: 0").multistatus(s.T)
			for name, want := range map[string]string{"none": "HTTP/1.1 404 Not Found", "quota-used-bytes": quota, "resourcetype": "HTTP/1.1 200 OK"} {
				if _, status := m.prop("/", "DAV:", name); status != want {
					s.Errorf("%s: %q, want %q", name, status, want)
				}
			}
		}},
		{"9.1-each-property-once", func(s *share) {
			s.put("/f", "x")
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>value</z:p>")))
			for _, query := range []string{
				`<D:allprop/><D:include><z:p/><z:none/><D:getetag/><z:none/></D:include>`, `<D:prop><z:p/><D:getetag/><z:none/><z:p/><z:none/><D:getetag/></D:prop>`,
			} {
				seen := map[xml.Name]int{}
				m := s.want(207, "PROPFIND", "/f", propfind(query), "Depth: 0").multistatus(s.T)
				for _, ps := range m.Responses[0].Propstats {
					for _, p := range ps.Prop.Props {
						seen[p.XMLName]++
					}
				}
				for _, name := range []xml.Name{{Space: "urn:z", Local: "p"}, {Space: "urn:z", Local: "none"}, {Space: "DAV:", Local: "getetag"}} {
					if seen[name] != 1 {
						s.Errorf("%s: %s is there %d times", query, name.Local, seen[name])
					}
				}
			}
		}},
		{"9.2-instructions-in-order", func(s *share) {
			s.put("/f", "x")
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>1</z:p>")+"<D:remove><D:prop><z:p/></D:prop></D:remove>"+setProp("<z:p>2</z:p>")+setProp("<z:q>3</z:q>")+"<D:remove><D:prop><z:q/></D:prop></D:remove>"))
			got := s.properties("/f", "{urn:z}p", "{urn:z}q")
			if _, has := got["{urn:z}q"]; has || got["{urn:z}p"] != "2" {
				s.Errorf("got %v", got)
			}
		}},
		{"9.2-all-or-nothing", func(s *share) {
			s.put("/f", "x")
			m := s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>1</z:p>")+setProp("<D:getetag>x</D:getetag>"))).multistatus(s.T)
			if _, status := m.prop("/f", "urn:z", "p"); status != "HTTP/1.1 424 Failed Dependency" {
				s.Errorf("the innocent one: %q", status)
			}
			if got := s.properties("/f", "{urn:z}p"); len(got) > 0 {
				s.Errorf("it was set: %v", got)
			}
		}},
		{"9.2-each-property-is-answered-once", func(s *share) {
			s.put("/f", "x")
			m := s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>1</z:p><z:q/><z:p>2</z:p>")+"<D:remove><D:prop><z:q/></D:prop></D:remove>")).multistatus(s.T)
			if ps := m.Responses[0].Propstats; len(ps) != 1 || len(ps[0].Prop.Props) != 2 {
				s.Errorf("got %+v", ps)
			}
			m = s.want(207, "PROPPATCH", "/f", proppatch(setProp("<D:getlastmodified>never</D:getlastmodified><D:getlastmodified>Tue, 03 Mar 2020 10:20:30 GMT</D:getlastmodified>"))).multistatus(s.T)
			if ps := m.Responses[0].Propstats; len(ps) != 1 || len(ps[0].Prop.Props) != 1 || ps[0].Status != "HTTP/1.1 409 Conflict" {
				s.Errorf("got %+v", ps)
			}
		}},
		{"9.2.1-failure-to-store-is-reported-in-the-207", func(s *share) {
			s.put("/f", "x")
			switch fs := s.fs.(type) {
			case *capableFs:
				fs.failOn(507, "setproperties")
			case Propertier:
				return // has room for more than a request can bring
			}
			a := s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>"+strings.Repeat("x", 500_000)+"</z:p>")+setProp("<D:getlastmodified>Tue, 03 Mar 2020 10:20:30 GMT</D:getlastmodified>")))
			for name, want := range map[xml.Name]string{{Space: "urn:z", Local: "p"}: "HTTP/1.1 507 Insufficient Storage", {Space: "DAV:", Local: "getlastmodified"}: "HTTP/1.1 424 Failed Dependency"} {
				if _, status := a.multistatus(s.T).prop("/f", name.Space, name.Local); status != want {
					s.Errorf("%s: %q, want %q", name.Local, status, want)
				}
			}
			if got := s.properties("/f", "{urn:z}p", "getlastmodified"); len(got) != 1 || strings.Contains(got["getlastmodified"], "2020") {
				s.Errorf("it was stored: %v", got)
			}
		}},
		{"9.2-removing-a-missing-property-succeeds", func(s *share) {
			s.put("/f", "x")
			m := s.want(207, "PROPPATCH", "/f", proppatch("<D:remove><D:prop><z:none/></D:prop></D:remove>")).multistatus(s.T)
			if _, status := m.prop("/f", "urn:z", "none"); status != "HTTP/1.1 200 OK" {
				s.Errorf("got %q", status)
			}
		}},
		{"9.2-setting-replaces", func(s *share) {
			s.put("/f", "x")
			for _, value := range []string{"1", "2"} {
				s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>"+value+"</z:p>")))
			}
			if got := s.properties("/f", "{urn:z}p")["{urn:z}p"]; got != "2" {
				s.Errorf("got %q", got)
			}
		}},
		{"9.2-any-dead-property-also-on-folders", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.want(207, "PROPPATCH", "/d", proppatch(setProp(`<p xmlns="">1</p>`)+setProp(`<z:Ж xmlns:z="urn:&amp;{x}">2</z:Ж>`)))
			m := s.want(207, "PROPFIND", "/d", "", "Depth: 0").multistatus(s.T)
			if p, _ := m.prop("/d/", "", "p"); p.Text != "1" {
				s.Errorf("in no namespace: %q", p.Text)
			}
			if p, _ := m.prop("/d/", "urn:&{x}", "Ж"); p.Text != "2" {
				s.Errorf("in a strange one: %q", p.Text)
			}
		}},
		{"9.2.1-protected-property-is-403", func(s *share) {
			s.put("/f", "x")
			for _, name := range []string{"getetag", "getcontentlength", "resourcetype", "lockdiscovery", "supportedlock"} {
				a := s.want(207, "PROPPATCH", "/f", proppatch(setProp("<D:"+name+"/>")))
				if _, status := a.multistatus(s.T).prop("/f", "DAV:", name); status != "HTTP/1.1 403 Forbidden" || !strings.Contains(a.body, "<D:cannot-modify-protected-property/>") {
					s.Errorf("%s: %q in %s", name, status, a.body)
				}
			}
		}},
		{"9.2-missing-resource-is-404", func(s *share) { s.want(404, "PROPPATCH", "/none", proppatch(setProp("<z:p/>"))) }},
		{"15-live-properties-agree-with-get", func(s *share) {
			s.put("/f.txt", "12345")
			h := s.want(200, "HEAD", "/f.txt", "").header
			got := s.properties("/f.txt", "getcontentlength", "getcontenttype", "getetag", "getlastmodified")
			for name, field := range map[string]string{"getcontentlength": "Content-Length", "getcontenttype": "Content-Type", "getetag": "ETag", "getlastmodified": "Last-Modified"} {
				if want := h.Get(field); want == "" || strings.ReplaceAll(got[name], "&#34;", `"`) != want {
					s.Errorf("%s is %q, %s is %q", name, got[name], field, want)
				}
			}
		}},
		{"15.9-resourcetype-on-everything", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/f", "x")
			for at, want := range map[string]string{"/d/": "<D:collection/>", "/d/f": ""} {
				if got, ok := s.properties(at, "resourcetype")["resourcetype"]; !ok || got != want {
					s.Errorf("%s: %q, %v", at, got, ok)
				}
			}
		}},
		{"17-unknown-elements-are-ignored", func(s *share) {
			s.put("/f", "x")
			m := s.want(207, "PROPFIND", "/f", propfind(`<z:new xmlns:z="urn:z"><D:allprop/></z:new><D:prop z:a="" xmlns:z="urn:z"><D:getetag/></D:prop>`), "Depth: 0").multistatus(s.T)
			if _, status := m.prop("/f", "DAV:", "getetag"); status != "HTTP/1.1 200 OK" {
				s.Errorf("got %q", status)
			}
			s.want(207, "PROPPATCH", "/f", proppatch("<z:new/>"+setProp("<z:p>1</z:p>")))
		}},
		{"17-processing-instructions-and-comments-are-ignored", func(s *share) {
			s.put("/f", "x")
			body := `<?xml version="1.0"?><?a b?><!-- c -->` + propfind("<?d?><D:prop><!-- e --><D:getetag/><?f?></D:prop>") + "<?g?><!-- h -->\n"
			m := s.want(207, "PROPFIND", "/f", body, "Depth: 0").multistatus(s.T)
			if _, status := m.prop("/f", "DAV:", "getetag"); status != "HTTP/1.1 200 OK" {
				s.Errorf("got %q", status)
			}
		}},
	}
}
