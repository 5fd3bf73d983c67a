package davxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestMultistatus(t *testing.T) {
	dead, err := ParseElement(`<z:a xmlns:z="urn:z" xml:lang="de"><z:b/>&amp;</z:a>`)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	m := NewMultistatus(&got, nil)
	err = m.Append("/a%20b&c", "/", func(dst []byte) []byte {
		dst = AppendResourceType(AppendPropstatStart(dst), true)
		dst = AppendText(dst, Name("displayname"), "a <b> & \"c\" \x01\r")
		dst = AppendPropstatEnd(append(dst, dead.XML...), 200)
		dst, _ = AppendPropstats(dst, []Propstat{
			{Status: 404, Names: []xml.Name{{Space: `urn:"&<x>`, Local: "q"}, {Local: "none"}, {Space: xmlNS, Local: "p"}}},
			{Status: 403, Names: []xml.Name{Name("getetag")}, Error: &Precondition{Name: CannotModifyProtectedProperty}, Description: "no < way"},
			{Status: 424},
		})
		return dst
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Response{
		{Href: "/locked", Status: 423, Error: &Precondition{Name: LockTokenSubmitted, Hrefs: []string{"/locked?&"}}},
		{Href: "/bare"},
	} {
		if err := m.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:">
<D:response><D:href>/a%20b&amp;c/</D:href>` +
		`<D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype><D:displayname>a &lt;b&gt; &amp; "c" ` + "\uFFFD" + `&#xD;</D:displayname><z:a xmlns:z="urn:z" xml:lang="de"><z:b/>&amp;</z:a></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>` +
		`<D:propstat><D:prop><x:q xmlns:x="urn:&quot;&amp;&lt;x&gt;"/><none/><xml:p/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>` +
		`<D:propstat><D:prop><D:getetag/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error><D:responsedescription>no &lt; way</D:responsedescription></D:propstat>` +
		`</D:response>
<D:response><D:href>/locked</D:href><D:status>HTTP/1.1 423 Locked</D:status><D:error><D:lock-token-submitted><D:href>/locked?&amp;</D:href></D:lock-token-submitted></D:error></D:response>
<D:response><D:href>/bare</D:href><D:status>HTTP/1.1 200 OK</D:status></D:response>
</D:multistatus>
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestEmptyMultistatusIsWhole(t *testing.T) {
	var got bytes.Buffer
	if err := NewMultistatus(&got, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseElement(got.String()); err != nil {
		t.Errorf("%s: %v", got.String(), err)
	}
}

func TestBrokenConnectionIsTold(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	m := NewMultistatus(w, nil)
	_ = m.Write(Response{Href: "/"}) // fits the buffer
	if err := m.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("closed with %v", err)
	}
}

func TestLockDiscovery(t *testing.T) {
	var got bytes.Buffer
	err := WriteProp(&got, AppendSupportedLock(AppendLockDiscovery(nil,
		ActiveLock{Owner: `<D:owner xmlns:D="DAV:">A &amp; B</D:owner>`, Timeout: 600 * time.Second, Token: "urn:uuid:1", Root: "/a%20b"},
		ActiveLock{Shared: true, Infinite: true, Owner: "<broken", Timeout: -time.Hour, Root: "/&"},
	)))
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="utf-8"?>
<D:prop xmlns:D="DAV:"><D:lockdiscovery>` +
		`<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:exclusive/></D:lockscope><D:depth>0</D:depth><D:owner xmlns:D="DAV:">A &amp; B</D:owner><D:timeout>Second-600</D:timeout><D:locktoken><D:href>urn:uuid:1</D:href></D:locktoken><D:lockroot><D:href>/a%20b</D:href></D:lockroot></D:activelock>` +
		`<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:shared/></D:lockscope><D:depth>infinity</D:depth><D:timeout>Second-1</D:timeout><D:lockroot><D:href>/&amp;</D:href></D:lockroot></D:activelock>` +
		`</D:lockdiscovery><D:supportedlock>` +
		`<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry><D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>` +
		`</D:supportedlock></D:prop>
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestWriteError(t *testing.T) {
	for want, p := range map[string]Precondition{
		`<D:propfind-finite-depth/>`: {Name: PropfindFiniteDepth},
		`<D:no-conflicting-lock><D:href>/a</D:href><D:href>/b</D:href></D:no-conflicting-lock>`: {Name: NoConflictingLock, Hrefs: []string{"/a", "/b"}},
	} {
		var got strings.Builder
		if err := WriteError(&got, p); err != nil {
			t.Fatal(err)
		}
		if want := prologue + `<D:error xmlns:D="DAV:">` + want + "</D:error>\n"; got.String() != want {
			t.Errorf("got %s, want %s", got.String(), want)
		}
	}
}

func TestNamesThatXMLCannotWriteAreLeftOut(t *testing.T) {
	for _, name := range []xml.Name{{}, {Local: "a b"}, {Local: "<x"}, {Local: "\uFEFF"}, {Local: "Ж x"}, {Local: "\xff"}, {Space: xmlnsNS, Local: "a"}} {
		got := AppendStart(AppendText(AppendText(nil, name, "x"), name, ""), name)
		if got = AppendEnd(got, name); len(got) != 0 {
			t.Errorf("%v is written as %q", name, got)
		}
	}
}

// FuzzRequests sends the same bytes to every reader. Whatever is accepted must
// come out whole: each name and each element is written into a multistatus,
// which encoding/xml, a reader that is not ours, must find well-formed.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		`<D:propfind xmlns:D="DAV:"><D:prop><x:a xmlns:x="u"/><b/></D:prop></D:propfind>`,
		`<propfind xmlns="DAV:"><allprop/><include><a/></include></propfind>`,
		`<D:propertyupdate xmlns:D="DAV:" xml:lang="de"><D:set><D:prop><z:a xmlns:z="u" z:b="D:c">x&amp;<D:e/></z:a></D:prop></D:set><D:remove><D:prop><b/></D:prop></D:remove></D:propertyupdate>`,
		`<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>o<x/></D:owner></D:lockinfo>`,
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "\xFE\xFF\x00<\x00a\x00/\x00>", "\uFEFF<a/>", `<a xmlns:x=""/>`, `<x:a/>`,
		`<a><![CDATA[]]]]><![CDATA[>]]></a>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var props [][]byte
		if p, err := ReadPropfind(bytes.NewReader(body)); err == nil {
			for _, name := range append(p.Props, p.Include...) {
				props = append(props, AppendText(nil, name, "x"))
			}
		} else if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("propfind: %v", err)
		}
		if update, err := ReadPropertyUpdate(bytes.NewReader(body)); err == nil {
			for _, change := range update {
				again, err := ParseElement(change.XML)
				if err != nil || again != change.Element {
					t.Fatalf("%q became %+v, then %+v, %v", body, change.Element, again, err)
				}
				props = append(props, []byte(change.XML))
			}
		}
		if info, err := ReadLockInfo(bytes.NewReader(body)); err == nil && info != nil {
			props = append(props, AppendLockDiscovery(nil, ActiveLock{Owner: info.Owner, Root: string(body)}))
			if info.Owner != "" {
				if _, err := ParseElement(info.Owner); err != nil {
					t.Fatalf("owner %q: %v", info.Owner, err)
				}
			}
		}
		if e, err := ParseElement(string(body)); err == nil {
			props = append(props, []byte(e.XML))
		}
		props = append(props, AppendText(nil, xml.Name{Space: string(body), Local: "a"}, string(body)), AppendEmpty(nil, xml.Name{Local: string(body)}))
		wellFormed(t, props, string(body))
	})
}

// wellFormed writes properties and foreign text into a multistatus and reads
// it with encoding/xml; the elements must keep their place and their names.
func wellFormed(t *testing.T, props [][]byte, text string) {
	t.Helper()
	var b bytes.Buffer
	m := NewMultistatus(&b, nil)
	err := m.Append(text, text, func(dst []byte) []byte {
		dst = append(AppendPropstatStart(dst), bytes.Join(props, nil)...)
		dst = appendPropstatEnd(dst, Propstat{Description: text})
		return appendOutcome(dst, &Precondition{Name: text, Hrefs: []string{text}}, text)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	var read struct {
		XMLName   xml.Name `xml:"DAV: multistatus"`
		Responses []struct {
			Href      string `xml:"DAV: href"`
			Propstats []struct {
				Prop struct {
					Names []struct{ XMLName xml.Name } `xml:",any"`
				} `xml:"DAV: prop"`
				Status string `xml:"DAV: status"`
			} `xml:"DAV: propstat"`
		} `xml:"DAV: response"`
	}
	if err := xml.Unmarshal(b.Bytes(), &read); err != nil {
		t.Fatalf("not well-formed: %v\n%s", err, b.Bytes())
	}
	written := 0
	for _, p := range props {
		if len(p) > 0 {
			written++
		}
	}
	if len(read.Responses) != 1 || len(read.Responses[0].Propstats) != 1 || len(read.Responses[0].Propstats[0].Prop.Names) != written {
		t.Fatalf("%d properties were written, read is %+v\n%s", written, read, b.Bytes())
	}
}

// TestHref: the path is escaped as net/url does it, and all of it for XML.
func TestHref(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, path := range []string{"", "/", "/a b/\u0436\U0001F600", "/" + string(every)} {
		want := appendEscaped(nil, "/<&"+(&url.URL{Path: path}).EscapedPath(), false)
		if got := string(AppendHref(nil, "/<&", path)); got != "<D:href>"+string(want)+"</D:href>" {
			t.Errorf("%q is written as %s, want %s", path, got, want)
		}
	}
}

// TestLargeBodyIsWrittenInBlocks, and its buffer is that of the caller.
func TestLargeBodyIsWrittenInBlocks(t *testing.T) {
	var blocks []int
	buf := make([]byte, 17, BlockSize+1024)
	m := NewMultistatus(writerFunc(func(p []byte) (int, error) {
		blocks = append(blocks, len(p))
		return len(p), nil
	}), buf)
	for range 2000 {
		if err := m.Write(Response{Href: "/" + strings.Repeat("x", 60)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if len(blocks) != 5 || blocks[0] < BlockSize || blocks[0] > BlockSize+1024 {
		t.Errorf("blocks of %d", blocks)
	}
	if got := m.Buffer()[:1]; &got[0] != &buf[0] {
		t.Error("the buffer is another")
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
