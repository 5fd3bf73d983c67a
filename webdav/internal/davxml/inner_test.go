package davxml

import (
	"encoding/xml"
	"testing"
)

// TestInnerAndBack takes elements apart as x/net wants them, and puts them
// together again with the same meaning.
func TestInnerAndBack(t *testing.T) {
	for _, c := range []struct{ whole, lang, inner string }{
		{`<p xmlns="urn:n">v</p>`, "", "v"},
		{`<p xmlns="urn:n"/>`, "", ""},
		{`<a:p xmlns:a="urn:n" xml:lang="de">a &lt; b<a:q x="&quot;"/>Ж</a:p>`, "de", `a &lt; b<a:q xmlns:a="urn:n" xml:lang="de" x="&quot;"/>Ж`},
		{`<p xmlns="urn:n" xmlns:b="urn:b">1<q>b:2</q>3</p>`, "", `1<q xmlns:b="urn:b" xmlns="urn:n">b:2</q>3`},
		{`<p>no namespace</p>`, "", "no namespace"},
	} {
		e, err := ParseElement(c.whole)
		if err != nil {
			t.Fatal(err)
		}
		lang, inner, err := e.Inner()
		if err != nil || lang != c.lang || inner != c.inner {
			t.Errorf("%s: %q %q %v, want %q %q", c.whole, lang, inner, err, c.lang, c.inner)
		}
		back, err := Wrap(e.Name, lang, inner)
		if err != nil || back.Name != e.Name {
			t.Errorf("%s came back as %s, %v", c.whole, back.XML, err)
		}
		if _, again, err := back.Inner(); err != nil || again != inner {
			t.Errorf("%s came back with %q, %v", c.whole, again, err)
		}
	}
	if _, err := Wrap(xml.Name{Space: "urn:n", Local: "p"}, "", "</p:p><evil/>"); err == nil {
		t.Error("an element that ends too early was taken")
	}
}
