package webdav

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"
)

// What x/net's own tests ask of its handler, asked of this one on NewMemFS. The
// rest of what they ask has its tests in internal/ifheader (the If header),
// internal/davxml (bodies and answers), internal/lock and locksystem_test.go
// (locks). Where the answers differ on purpose the package comment says so.

// memFS gives a share on a new NewMemFS, and that.
func memFS(t *testing.T, opts ...Option) (*share, *foreignFs) {
	t.Helper()
	fs := &foreignFs{t.Context(), xdav.NewMemFS()}
	return newShare(t, fs, opts...), fs
}

// TestBehindAMux: under a ServeMux each method strips the prefix from the path,
// the Destination and the If header alike. The mux redirects the prefix itself
// when its slash is missing, and answers what is outside of it.
func TestBehindAMux(t *testing.T) {
	for prefix, want := range map[string]struct {
		statuses []int
		files    string
	}{
		"/":    {[]int{201, 201, 201, 201, 201, 201, 201, 204}, "/ /a /a/b /a/b/c /a/b/e /a/b/e/f /a/b/e/g"},
		"/a/":  {[]int{307, 201, 201, 201, 201, 201, 201, 204}, "/ /b /b/c /b/e /b/e/f /b/e/g"},
		"/a/b": {[]int{404, 405, 404, 404, 404, 404, 404, 404}, "/"}, // the mux serves that path alone: the root
		"/x/":  {[]int{404, 404, 404, 404, 404, 404, 404, 404}, "/"},
	} {
		fs := &foreignFs{t.Context(), xdav.NewMemFS()}
		handler, err := New(fs.fs, WithPrefix(prefix))
		if err != nil {
			t.Fatal(err)
		}
		defer handler.Close()
		mux := http.NewServeMux()
		mux.Handle(prefix, handler)
		s := newShareBy(t, fs, mux, nil)
		s.server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		var statuses []int
		token := ""
		for _, request := range [][]string{
			{"MKCOL", "/a"}, {"MKCOL", "/a/b"}, {"PUT", "/a/b/c"}, {"COPY", "/a/b/c", "Destination: {server}/a/b/d"}, {"MKCOL", "/a/b/e"},
			{"MOVE", "/a/b/d", "Destination: {server}/a/b/e/f"}, {"LOCK", "/a/b/e/g"}, {"PUT", "/a/b/e/g", "If: <{server}/a/b/e/g> ({token})"},
		} {
			var headers []string
			for _, header := range request[2:] {
				headers = append(headers, strings.NewReplacer("{server}", s.server.URL, "{token}", token).Replace(header))
			}
			body := map[string]string{"PUT": "content", "LOCK": lockBody}[request[0]]
			a := s.do(request[0], request[1], body, headers...)
			statuses = append(statuses, a.status)
			if found := a.header.Get("Lock-Token"); found != "" {
				token = found
			}
		}
		for i, status := range statuses {
			redirected := want.statuses[i] == 307 && (status == 301 || status == 307 || status == 308)
			if status != want.statuses[i] && !redirected {
				t.Errorf("%s: %v, want %v", prefix, statuses, want.statuses)
				break
			}
		}
		var files []string
		for line := range strings.Lines(s.everything()) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			files = append(files, "/"+strings.Trim(name, "/"))
		}
		if got := strings.Join(files, " "); got != want.files {
			t.Errorf("%s: the files are %s, want %s", prefix, got, want.files)
		}
	}
}

// TestNamesAreEscapedOnceEach: in an address as a URL, in a display name as XML.
func TestNamesAreEscapedOnceEach(t *testing.T) {
	s, fs := memFS(t)
	for name, href := range map[string]string{
		"foo%bar": "/foo%25bar", "こんにちわ世界": "/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%82%8F%E4%B8%96%E7%95%8C",
		"Program Files": "/Program%20Files/", "go+lang": "/go+lang", "go&lang": "/go&lang", "go<lang": "/go%3Clang", "&amp;": "/&amp;",
	} {
		if strings.HasSuffix(href, "/") {
			if err := fs.Mkdir("/"+name, 0o777); err != nil {
				t.Fatal(err)
			}
		} else if err := afero.WriteFile(fs, "/"+name, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		a := s.want(207, "PROPFIND", escape("/"+name), propfindOf("displayname"), "Depth: 0")
		m := a.multistatus(t)
		shown, status := m.prop(href, "DAV:", "displayname")
		if got := m.hrefs()[0]; got != href || shown.Text != name || !strings.Contains(status, " 200 ") {
			t.Errorf("%q is %q at %q, %s: %s", name, shown.Text, got, status, a.body)
		}
	}
	// The root has no name of its own.
	m := s.want(207, "PROPFIND", "/", propfindOf("displayname"), "Depth: 0").multistatus(t)
	if _, status := m.prop("/", "DAV:", "displayname"); !strings.Contains(status, " 404 ") {
		t.Errorf("the root's display name: %s", status)
	}
}

// TestWhereAFileCanBePut: below a folder that is there, over a file, and not on
// a folder.
func TestWhereAFileCanBePut(t *testing.T) {
	s, _ := memFS(t)
	s.want(201, "PUT", "/res", "ABC\n")
	s.want(204, "PUT", "/res", "ABC\n")
	s.want(201, "PUT", "/res-%e2%82%ac", "ABC\n")
	s.want(405, "PUT", "", "ABC\n")
	s.want(405, "PUT", "/", "ABC\n")
	s.want(409, "PUT", "/409me/noparent.txt", "ABC\n")
}

// TestPropertiesTravel: a COPY has the properties of its source, a MOVE takes
// them along, and afterwards each has its own; so it is with what a PUT
// replaces.
func TestPropertiesTravel(t *testing.T) {
	s, fs := memFS(t)
	holds := func(at string, want ...string) {
		t.Helper()
		props, err := fs.Properties(at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for key := range props {
			got = append(got, strings.TrimPrefix(key, "{urn:n}"))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", at, got, want)
		}
	}
	s.want(201, "MKCOL", "/d", "")
	for _, at := range []string{"/d", "/d/src"} {
		if at != "/d" {
			s.put(at, "contents")
		}
		s.want(207, "PROPPATCH", at, setProperty("boat", "pea-green"))
		s.want(207, "PROPPATCH", at, setProperty("ring", "1 shilling"))
	}
	s.want(201, "COPY", "/d", "", "Destination: /tmp")
	s.want(201, "MOVE", "/tmp", "", "Destination: /dst")
	s.want(207, "PROPPATCH", "/d/src", removeProperty("boat"))
	s.want(207, "PROPPATCH", "/d/src", setProperty("spoon", "runcible"))
	s.want(207, "PROPPATCH", "/dst/src", removeProperty("ring"))
	s.want(207, "PROPPATCH", "/dst/src", setProperty("moon", "light"))
	holds("/d", "boat", "ring")
	holds("/dst", "boat", "ring")
	holds("/d/src", "ring", "spoon")
	holds("/dst/src", "boat", "moon")
	s.put("/dst/src", "new")
	holds("/dst/src", "boat", "moon")
	s.holds("/dst/src", "new")
}

// TestPropertiesAsXNetTellsThem: what PROPFIND and PROPPATCH make of live and
// dead properties.
func TestPropertiesAsXNetTellsThem(t *testing.T) {
	s, _ := memFS(t)
	s.want(201, "MKCOL", "/dir", "")
	s.put("/file", "")
	s.want(207, "PROPPATCH", "/file", setProperty("dead", "v"))
	names := func(at, body string) string {
		var found []string
		m := s.want(207, "PROPFIND", at, body, "Depth: 0").multistatus(t)
		for _, ps := range m.Responses[0].Propstats {
			for _, p := range ps.Prop.Props {
				found = append(found, strings.Fields(ps.Status)[1]+" "+p.XMLName.Local)
			}
		}
		slices.Sort(found)
		return strings.Join(found, ", ")
	}
	for _, name := range []string{"resourcetype", "displayname", "getlastmodified", "supportedlock"} {
		for _, at := range []string{"/dir", "/file"} {
			if got := names(at, propfind("<D:propname/>")); !strings.Contains(got, "200 "+name) && name != "getlastmodified" {
				t.Errorf("%s has no %s: %s", at, name, got)
			}
		}
	}
	for _, name := range []string{"getcontentlength", "getcontenttype", "getetag", "dead"} {
		if got := names("/file", propfind("<D:allprop/>")); !strings.Contains(got, "200 "+name) {
			t.Errorf("the file has no %s: %s", name, got)
		}
		if got := names("/dir", propfind("<D:allprop/>")); strings.Contains(got, name) {
			t.Errorf("the folder has %s: %s", name, got)
		}
	}
	if got := names("/file", propfind(`<D:prop><D:resourcetype/><x:none xmlns:x="urn:n"/></D:prop>`)); got != "200 resourcetype, 404 none" {
		t.Errorf("named: %s", got)
	}
	if got := names("/file", propfind(`<D:allprop/><D:include><x:none xmlns:x="urn:n"/><x:dead xmlns:x="urn:n"/></D:include>`)); !strings.Contains(got, "404 none") || strings.Count(got, "dead") != 1 {
		t.Errorf("included: %s", got)
	}
	// One that is protected keeps all others from being set.
	m := s.want(207, "PROPPATCH", "/file", proppatch(setProp("<D:getetag>x</D:getetag>")+setProp(`<n:other xmlns:n="urn:n">x</n:other>`))).multistatus(t)
	for space, wants := range map[xml.Name]string{{Space: "DAV:", Local: "getetag"}: " 403 ", {Space: "urn:n", Local: "other"}: " 424 "} {
		if _, status := m.prop("/file", space.Space, space.Local); !strings.Contains(status, wants) {
			t.Errorf("%s: %s, want%s", space.Local, status, wants)
		}
	}
	if got := s.properties("/file", "{urn:n}other", "{urn:n}dead"); len(got) != 1 || got["{urn:n}dead"] != "v" {
		t.Errorf("properties %v", got)
	}
	// What is removed need not be there, and what is set last holds.
	s.want(207, "PROPPATCH", "/file", removeProperty("none"))
	s.want(207, "PROPPATCH", "/file", proppatch(setProp(`<n:dead xmlns:n="urn:n">1</n:dead>`)+setProp(`<n:dead xmlns:n="urn:n">2</n:dead>`)))
	if got := s.properties("/file", "{urn:n}dead"); got["{urn:n}dead"] != "2" {
		t.Errorf("properties %v", got)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest("PROPFIND", "/nonexistent", nil))
	if w.Code != 404 {
		t.Errorf("PROPFIND of nothing: %d", w.Code)
	}
}
