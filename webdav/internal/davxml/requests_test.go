package davxml

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

func TestReadPropfind(t *testing.T) {
	other := func(local string) xml.Name { return xml.Name{Space: "urn:x", Local: local} }
	for _, c := range []struct {
		name, body string
		want       Propfind
	}{
		{"nothing", "", Propfind{AllProp: true}},
		{"allprop", `<propfind xmlns="DAV:"><allprop/></propfind>`, Propfind{AllProp: true}},
		{"propname", `<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>`, Propfind{PropName: true}},
		{"include", `<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:quota-used-bytes/></D:include></D:propfind>`,
			Propfind{AllProp: true, Include: []xml.Name{Name("quota-used-bytes")}}},
		{"include first", `<D:propfind xmlns:D="DAV:"><D:include><D:x/></D:include><D:allprop/></D:propfind>`,
			Propfind{AllProp: true, Include: []xml.Name{Name("x")}}},
		{"names", `<D:propfind xmlns:D="DAV:" xmlns:x="urn:x"><D:prop><D:getetag/><x:Ж/><x:Ж/><none xmlns=""/></D:prop></D:propfind>`,
			Propfind{Props: []xml.Name{Name("getetag"), other("Ж"), {Local: "none"}}}},
		{"no names", `<D:propfind xmlns:D="DAV:"><D:prop/></D:propfind>`, Propfind{}},
		{"white space, comments, instructions", "<?xml version='1.0' encoding='utf-8'?>\n<!-- a -->\n<?x y?><D:propfind\n\txmlns:D='DAV:'>\r\n <!-- b --> <D:prop> <D:getetag /> text <?p?> </D:prop>\n</D:propfind>\n<!-- c -->\n",
			Propfind{Props: []xml.Name{Name("getetag")}}},
		{"unknown elements", `<D:propfind xmlns:D="DAV:"><D:future><D:allprop/></D:future><D:prop><D:getetag><D:x/></D:getetag></D:prop></D:propfind>`,
			Propfind{Props: []xml.Name{Name("getetag")}}},
		{"byte order mark", "\uFEFF" + `<propfind xmlns="DAV:"><allprop/></propfind>`, Propfind{AllProp: true}},
		{"prefix bound anew", `<a:propfind xmlns:a="DAV:"><a:prop><a:p xmlns:a="urn:x"/><a:q/></a:prop></a:propfind>`,
			Propfind{Props: []xml.Name{other("p"), Name("q")}}},
		{"character references", `<D:propfind xmlns:D="D&#65;V&#x3A;"><D:allprop/></D:propfind>`, Propfind{AllProp: true}},
		{"the prefix xml", `<D:propfind xmlns:D="DAV:" xml:lang="de"><D:prop><xml:p/></D:prop></D:propfind>`,
			Propfind{Props: []xml.Name{{Space: xmlNS, Local: "p"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadPropfind(strings.NewReader(c.body))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

// TestEncodings: UTF-16 is what every reader of XML must know beside UTF-8 (RFC
// 4918, section 19), and there are clients that declare the others.
func TestEncodings(t *testing.T) {
	const doc = `<D:propfind xmlns:D="DAV:"><D:prop><%s/></D:prop></D:propfind>`
	declaring := func(label, name string) string {
		return `<?xml version="1.0" encoding="` + label + `"?>` + fmt.Sprintf(doc, name)
	}
	latin1 := func(s string) (encoded []byte) {
		for _, r := range s {
			encoded = append(encoded, byte(r))
		}
		return encoded
	}
	in16 := func(order binary.AppendByteOrder, s string) (encoded []byte) {
		for _, unit := range utf16.Encode([]rune(s)) {
			encoded = order.AppendUint16(encoded, unit)
		}
		return encoded
	}
	for _, c := range []struct {
		body []byte
		want string // "": refused
	}{
		{[]byte(declaring("utf-8", "Ж")), "Ж"},
		{[]byte(declaring("UTF8", "Ж")), "Ж"},
		{[]byte("\uFEFF" + declaring("UTF-8", "Ж")), "Ж"},
		{latin1(declaring("ISO-8859-1", "é")), "é"},
		{latin1(declaring("latin1", "é")), "é"},
		{latin1(declaring("us-ascii", "e")), "e"},
		{latin1(declaring("US-ASCII", "é")), ""},
		{latin1(declaring("utf-8", "é")), ""},
		{latin1(declaring("x-unknown", "e")), ""},
		{[]byte("\uFEFF" + declaring("ISO-8859-1", "e")), ""},
		{[]byte(declaring("UTF-16", "e")), ""},
		{in16(binary.BigEndian, "\uFEFF"+declaring("UTF-16", "Ж")), "Ж"},
		{in16(binary.LittleEndian, "\uFEFF"+declaring("UTF-16", "Ж")), "Ж"},
		{in16(binary.BigEndian, declaring("UTF-16", "Ж")), "Ж"},
		{in16(binary.LittleEndian, declaring("utf-16le", "Ж")), "Ж"},
		{in16(binary.LittleEndian, fmt.Sprintf(doc, "Ж")), "Ж"},
		{in16(binary.BigEndian, declaring("utf-16le", "Ж")), ""},
		{in16(binary.BigEndian, declaring("utf-8", "Ж")), "Ж"}, // by a program that converted it and left the declaration
	} {
		got, err := ReadPropfind(bytes.NewReader(c.body))
		if c.want == "" {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q: %+v, %v; want ErrInvalid", c.body, got, err)
			}
			continue
		}
		if err != nil || len(got.Props) != 1 || got.Props[0].Local != c.want {
			t.Errorf("%q: %+v, %v; want %s", c.body, got, err, c.want)
		}
	}
}

// TestRefuses has what must be 400 in any body.
func TestRefuses(t *testing.T) {
	const in, out = `<D:propfind xmlns:D="DAV:"><D:prop>`, `</D:prop></D:propfind>`
	for name, body := range map[string]string{
		"text":                           "no XML",
		"white space":                    " ",
		"cut off":                        in,
		"cut off in a tag":               in + "<D:a",
		"trailing text":                  in + out + "x",
		"trailing NUL":                   in + out + "\x00",
		"a second root":                  in + out + in + out,
		"another root":                   `<D:prop xmlns:D="DAV:"/>`,
		"a root in no namespace":         `<propfind><allprop/></propfind>`,
		"empty propfind":                 `<D:propfind xmlns:D="DAV:"/>`,
		"allprop and prop":               `<D:propfind xmlns:D="DAV:"><D:allprop/><D:prop/></D:propfind>`,
		"prop twice":                     `<D:propfind xmlns:D="DAV:"><D:prop/><D:prop/></D:propfind>`,
		"allprop twice":                  `<D:propfind xmlns:D="DAV:"><D:allprop/><D:allprop/></D:propfind>`,
		"include without allprop":        `<D:propfind xmlns:D="DAV:"><D:prop/><D:include/></D:propfind>`,
		"tags that do not match":         in + "<D:a></D:b>" + out,
		"tags that match by URI only":    in + `<a:x xmlns:a="u" xmlns:b="u"></b:x>` + out,
		"prefix bound to nothing":        in + `<x:a xmlns:x=""/>` + out, // litmus: propfind_invalid2
		"prefix not declared":            in + "<x:a/>" + out,
		"prefix of an attribute":         in + `<D:a x:b=""/>` + out,
		"prefix declared too late":       in + `<D:a><D:b xmlns:x="u"/><x:c/></D:a>` + out,
		"prefix xmlns":                   in + "<xmlns:a/>" + out,
		"prefix xmlns bound":             in + `<D:a xmlns:xmlns="u"/>` + out,
		"prefix xml bound to another":    in + `<D:a xmlns:xml="u"/>` + out,
		"another prefix bound to xml":    in + `<D:a xmlns:x="` + xmlNS + `"/>` + out,
		"a prefix bound to xmlns":        in + `<D:a xmlns:x="` + xmlnsNS + `"/>` + out,
		"no local name":                  in + "<D:/>" + out,
		"no prefix before the colon":     in + "<:a/>" + out,
		"two colons":                     in + "<D:a:b/>" + out,
		"a local name that is a number":  in + "<D:1/>" + out,
		"an attribute twice":             in + `<D:a b="" b=""/>` + out,
		"an attribute twice by URI":      in + `<D:a xmlns:x="u" xmlns:y="u" x:b="" y:b=""/>` + out,
		"a prefix declared twice":        in + `<D:a xmlns:x="u" xmlns:x="v"/>` + out,
		"an attribute without quotes":    in + `<D:a b=c/>` + out,
		"an open angle in an attribute":  in + `<D:a b="<"/>` + out,
		"document type":                  `<!DOCTYPE propfind>` + in + out,
		"document type with an entity":   `<!DOCTYPE p [<!ENTITY a "b">]>` + in + `<D:a>&a;</D:a>` + out,
		"an entity that is not declared": in + `<D:a>&nbsp;</D:a>` + out,
		"a character that XML has not":   in + "<D:a>\x01</D:a>" + out,
		"the same by reference":          in + "<D:a>&#1;</D:a>" + out,
		"bytes that are not UTF-8":       in + "<D:a>\xff</D:a>" + out,
		"an encoding that is not known":  `<?xml version="1.0" encoding="EBCDIC"?>` + in + out,
		"UTF-16 that is none":            `<?xml version="1.0" encoding="UTF-16"?>` + in + out,
		"XML 2.0":                        `<?xml version="2.0"?>` + in + out,
		"a declaration in the middle":    in + `<?xml version="1.0"?>` + out,
		"a declaration after a blank":    ` <?xml version="1.0"?>` + in + out,
		"CDATA left open":                in + "<![CDATA[" + out,
		"a comment with two dashes":      in + "<!-- a -- b -->" + out,
	} {
		if got, err := ReadPropfind(strings.NewReader(body)); !errors.Is(err, ErrInvalid) || errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: read as %+v, %v; want ErrInvalid", name, got, err)
		}
	}
}

// TestBounds has what must be 413 before it costs memory.
func TestBounds(t *testing.T) {
	const in, out = `<D:propfind xmlns:D="DAV:"><D:prop>`, `</D:prop></D:propfind>`
	many := func(n int, s string) io.Reader { return io.LimitReader(&repeated{s: s}, int64(n*len(s))) }
	for name, body := range map[string]io.Reader{
		"a GiB of text":        io.MultiReader(strings.NewReader(in), many(1<<30, "x")),
		"a GiB of white space": many(1<<30, " "),
		"a GiB in a tag":       io.MultiReader(strings.NewReader("<"), many(1<<30, "x")),
		"a GiB in a comment":   io.MultiReader(strings.NewReader("<!--"), many(1<<30, "x")),
		"deep nesting":         io.MultiReader(strings.NewReader(in), many(MaxDepth, "<D:a>")),
		"many elements":        io.MultiReader(strings.NewReader(in+"<D:a>"), many(MaxNodes, "<D:a/>")),
		"many attributes":      io.MultiReader(strings.NewReader("<D:a "), many(MaxNodes+1, "a='' "), strings.NewReader("/>")),
		"many comments":        many(MaxNodes+1, "<!---->"),
		"many properties":      io.MultiReader(strings.NewReader(in), &numbered{max: MaxProps + 1}, strings.NewReader(out)),
		"a long name":          strings.NewReader(in + "<D:" + strings.Repeat("a", maxNameSize+1) + "/>" + out),
		"a long namespace":     strings.NewReader(in + `<a xmlns="` + strings.Repeat("a", maxNameSize+1) + `"/>` + out),
		"the caller's limit":   http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(in+out)), 20),
	} {
		if got, err := ReadPropfind(body); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: read as %.50v, %v; want ErrTooLarge", name, got, err)
		}
	}
	if _, err := ReadPropfind(strings.NewReader(in + strings.Repeat("<D:a>", MaxDepth-2) + strings.Repeat("</D:a>", MaxDepth-2) + out)); err != nil {
		t.Errorf("nested as deep as may be: %v", err)
	}
	padded := in + out + strings.Repeat(" ", MaxBody-len(in+out))
	if _, err := ReadPropfind(strings.NewReader(padded)); err != nil {
		t.Errorf("as long as may be: %v", err)
	}
	if _, err := ReadPropfind(strings.NewReader(padded + " ")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

// TestReaderErrorsComeThrough: a connection that breaks is neither 400 nor
// 413.
func TestReaderErrorsComeThrough(t *testing.T) {
	broken := errors.New("connection reset")
	for _, body := range []string{"", "<", `<D:propfind xmlns:D="DAV:">`} {
		_, err := ReadPropfind(io.MultiReader(strings.NewReader(body), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, ErrInvalid) {
			t.Errorf("after %q: %v", body, err)
		}
	}
}

func TestReadPropertyUpdate(t *testing.T) {
	const in, out = `<D:propertyupdate xmlns:D="DAV:" xmlns:z="urn:z">`, `</D:propertyupdate>`
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"in order", in + `<D:set><D:prop><z:a>1</z:a><z:b/></D:prop></D:set><D:remove><D:prop><z:a/></D:prop></D:remove><D:set><D:prop><z:a>2</z:a></D:prop></D:set>` + out,
			[]string{`set {urn:z}a 1 <z:a xmlns:z="urn:z">1</z:a>`, `set {urn:z}b  <z:b xmlns:z="urn:z"/>`, `remove {urn:z}a  <z:a xmlns:z="urn:z"/>`, `set {urn:z}a 2 <z:a xmlns:z="urn:z">2</z:a>`}},
		{"language of the property", in + `<D:set><D:prop xml:lang="de"><z:a xml:lang="en">x</z:a><z:b/></D:prop></D:set>` + out,
			[]string{`set {urn:z}a x <z:a xmlns:z="urn:z" xml:lang="en">x</z:a>`, `set {urn:z}b  <z:b xmlns:z="urn:z" xml:lang="de"/>`}},
		{"language of the whole", `<D:propertyupdate xmlns:D="DAV:" xml:lang="de"><D:set><D:prop><D:a/></D:prop></D:set>` + out,
			[]string{`set {DAV:}a  <D:a xmlns:D="DAV:" xml:lang="de"/>`}},
		{"default namespace", `<propertyupdate xmlns="DAV:"><set><prop><a xmlns="urn:x"><b xmlns=""/></a></prop></set></propertyupdate>`,
			[]string{`set {urn:x}a  <a xmlns="urn:x"><b xmlns=""/></a>`}},
		{"default namespace from outside", `<propertyupdate xmlns="DAV:" xmlns:z="urn:z"><set><prop><z:a><b/></z:a></prop></set></propertyupdate>`,
			[]string{`set {urn:z}a  <z:a xmlns:z="urn:z" xmlns="DAV:"><b/></z:a>`}},
		{"no namespace", in + `<D:set><D:prop><a>x</a></D:prop></D:set>` + out, []string{`set {}a x <a>x</a>`}},
		{"nested markup", in + `<D:set><D:prop><z:a k="&quot;&lt;&#10;">x<z:b D:c='d'/>y<![CDATA[<&]]><!-- gone --> &#xD;</z:a></D:prop></D:set>` + out,
			[]string{`set {urn:z}a xy<& ` + "\r" + ` <z:a xmlns:z="urn:z" xmlns:D="DAV:" k="&quot;&lt;&#xA;">x<z:b D:c="d"/>y&lt;&amp; &#xD;</z:a>`}},
		{"a prefix that only a text uses", in + `<D:set><D:prop><z:a xmlns:i="urn:i" i:type="z:t">D:x</z:a></D:prop></D:set>` + out,
			[]string{`set {urn:z}a D:x <z:a xmlns:z="urn:z" xmlns:D="DAV:" xmlns:i="urn:i" i:type="z:t">D:x</z:a>`}},
		{"times of Windows", `<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop><Z:Win32LastModifiedTime>Mon, 22 Jun 2026 10:00:00 GMT</Z:Win32LastModifiedTime></D:prop></D:set>` + out,
			[]string{`set {urn:schemas-microsoft-com:}Win32LastModifiedTime Mon, 22 Jun 2026 10:00:00 GMT <Z:Win32LastModifiedTime xmlns:Z="urn:schemas-microsoft-com:">Mon, 22 Jun 2026 10:00:00 GMT</Z:Win32LastModifiedTime>`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			update, err := ReadPropertyUpdate(strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range update {
				what := "set "
				if change.Remove {
					what = "remove "
				}
				got = append(got, what+Key(change.Name)+" "+change.Text+" "+change.XML)
				if again, err := ParseElement(change.XML); err != nil || again != change.Element {
					t.Errorf("%s is read again as %+v, %v", change.XML, again, err)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
	for name, body := range map[string]string{
		"nothing": "", "no change": in + out, "no property": in + "<D:set><D:prop/></D:set>" + out, "another root": `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`,
	} {
		if got, err := ReadPropertyUpdate(strings.NewReader(body)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestReadLockInfo(t *testing.T) {
	const in, out = `<D:lockinfo xmlns:D="DAV:">`, `</D:lockinfo>`
	const exclusive, shared, write = `<D:lockscope><D:exclusive/></D:lockscope>`, `<D:lockscope><D:shared/></D:lockscope>`, `<D:locktype><D:write/></D:locktype>`
	for _, c := range []struct {
		name, body string
		want       LockInfo
	}{
		{"exclusive", in + exclusive + write + out, LockInfo{}},
		{"shared, in another order", in + write + " " + shared + out, LockInfo{Shared: true}},
		{"owner", in + exclusive + write + `<D:owner><D:href>COMPUTER\Ж &lt;user&gt;</D:href></D:owner>` + out,
			LockInfo{Owner: `<D:owner xmlns:D="DAV:"><D:href>COMPUTER\Ж &lt;user&gt;</D:href></D:owner>`}},
		{"owner of text", in + exclusive + write + `<D:owner xml:lang="de">A &amp; B</D:owner>` + out, LockInfo{Owner: `<D:owner xmlns:D="DAV:" xml:lang="de">A &amp; B</D:owner>`}},
		{"something new", in + exclusive + write + "<D:new><D:owner/></D:new>" + out, LockInfo{}},
	} {
		got, err := ReadLockInfo(strings.NewReader(c.body))
		if err != nil || *got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
	if got, err := ReadLockInfo(strings.NewReader("")); got != nil || err != nil {
		t.Errorf("a refresh: %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"no scope":     {in + write + out, ErrInvalid},
		"no type":      {in + exclusive + out, ErrInvalid},
		"both scopes":  {in + exclusive + shared + write + out, ErrInvalid},
		"another root": {`<lockinfo/>`, ErrInvalid},
		"a long owner": {in + exclusive + write + "<D:owner>" + strings.Repeat("x", MaxOwner) + "</D:owner>" + out, ErrTooLarge},
	} {
		if got, err := ReadLockInfo(strings.NewReader(c.body)); got != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, c.want)
		}
	}
}

// repeated reads as one string over and over.
type repeated struct {
	s  string
	at int
}

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.s[r.at]
		r.at = (r.at + 1) % len(r.s)
	}
	return len(p), nil
}

// numbered reads as empty elements with different names.
type numbered struct{ n, max int }

func (r *numbered) Read(p []byte) (int, error) {
	if r.n == r.max {
		return 0, io.EOF
	}
	r.n++
	return copy(p, "<D:a"+strings.Repeat("b", r.n)+"/>"), nil
}
