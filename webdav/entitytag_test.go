package webdav

import (
	"context"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"
)

// tagged is a file of which only the entity tag matters.
type taggedInfo struct {
	fs.FileInfo
	tag string
}

func (t taggedInfo) ETag() string { return t.tag }

// TestLongEntityTagsAreShownShort: two of them, with a lock token, must fit an
// If header of 200 bytes.
func TestLongEntityTagsAreShownShort(t *testing.T) {
	long := `"` + hex.EncodeToString(make([]byte, 32)) + `"`
	other := `"` + hex.EncodeToString(append(make([]byte, 31), 1)) + `"`
	short := entityTag(taggedInfo{tag: long})
	header := "(<urn:uuid:00000000-0000-4000-8000-000000000000> [" + short + "]) (Not <DAV:no-lock> [" + short + "])"
	if len(header) >= 200 || short[0] != '"' || short[len(short)-1] != '"' {
		t.Errorf("%d bytes: %s", len(header), header)
	}
	if entityTag(taggedInfo{tag: other}) == short {
		t.Error("two contents have one tag")
	}
	for _, tag := range []string{"", `"abc"`} {
		if got := entityTag(taggedInfo{tag: tag}); got != tag {
			t.Errorf("%q is shown as %q", tag, got)
		}
	}
}

// TestLongEntityTagsReachTheStoreWhole: a condition is judged by the tag that
// clients see, and carried out by the one that the file system knows.
func TestLongEntityTagsReachTheStoreWhole(t *testing.T) {
	s := newShare(t, newCapableFs())
	tag := s.put("/f", "old").header.Get("ETag")
	if len(tag) > maxEntityTag || len(storeTagOf(s, "/f")) <= maxEntityTag {
		t.Fatalf("shown %s, stored %s: the share does not show what is tested", tag, storeTagOf(s, "/f"))
	}
	s.untouched(func() { s.want(412, "PUT", "/f", "new", `If-Match: "other"`) })
	s.want(204, "PUT", "/f", "new", "If-Match: "+tag)
	s.untouched(func() { s.want(412, "DELETE", "/f", "", "If-Match: "+tag) })
	s.want(204, "DELETE", "/f", "", "If-Match: "+s.want(200, "HEAD", "/f", "").header.Get("ETag"))
}

func storeTagOf(s *share, name string) string {
	info, err := s.fs.Stat(name)
	if err != nil {
		s.Fatal(err)
	}
	return storeTag(info)
}

// TestTagsOfCompressingProxies sends back the entity tags that clients get from a
// proxy that compresses.
func TestTagsOfCompressingProxies(t *testing.T) {
	forms := map[string]func(opaque string) string{
		"nginx":         func(o string) string { return `W/"` + o + `"` },
		"Apache":        func(o string) string { return `"` + o + `-gzip"` },
		"Apache brotli": func(o string) string { return `"` + o + `-br"` },
		"Jetty":         func(o string) string { return `"` + o + `--gzip"` },
		"both":          func(o string) string { return `W/"` + o + `-gzip"` },
		"none":          func(o string) string { return `"` + o + `"` },
	}
	onEach(t, func(s *share) {
		for proxy, form := range forms {
			got := func() string { return form(strings.Trim(s.want(200, "HEAD", "/f", "").header.Get("ETag"), `"`)) }
			s.put("/f", "1")
			stale := got()
			s.want(304, "GET", "/f", "", "If-None-Match: "+stale)
			s.want(412, "PUT", "/f", "2", "If-None-Match: "+stale)
			if a := s.want(204, "PUT", "/f", "other", `If-Match: "else", `+stale); a.header.Get("ETag") == "" {
				s.Errorf("%s: no entity tag", proxy)
			}
			s.untouched(func() {
				s.want(412, "PUT", "/f", "3", "If-Match: "+stale)
				s.want(412, "PUT", "/f", "3", "If: (["+stale+"])")
				s.want(412, "DELETE", "/f", "", "If-Match: "+stale)
				s.want(200, "GET", "/f", "", "If-None-Match: "+stale)
			})
			s.want(204, "PUT", "/f", "again", "If: (["+got()+"])")
			s.want(201, "COPY", "/f", "", "Destination: {server}/"+strings.ReplaceAll(proxy, " ", ""), "If-Match: "+got())
			want := 200 // a part of the file is none of its compressed form
			if proxy == "none" {
				want = 206
			}
			s.want(want, "GET", "/f", "", "Range: bytes=1-2", "If-Range: "+got())
			s.want(204, "DELETE", "/f", "", "If-Match: "+got())
		}
	})
}

// netTagged has an entity tag in the form of x/net.
type netTagged struct {
	fs.FileInfo
	tag string
}

func (t netTagged) ETag(context.Context) (string, error) { return t.tag, nil }

// TestTagsThatAFileSystemIssues are not taken for a proxy's.
func TestTagsThatAFileSystemIssues(t *testing.T) {
	for _, c := range []struct {
		info fs.FileInfo
		sent string
	}{
		{withContext(t.Context(), netTagged{tag: `"v1"`}), `W/"v1"`},
		{withContext(t.Context(), netTagged{tag: `"v1"`}), `"v1-gzip"`},
		{withContext(t.Context(), netTagged{tag: `W/"v1"`}), `"v1"`},
		{taggedInfo{tag: `"v1-gzip"`}, `"v1"`},
		{taggedInfo{tag: `"v1-gzip"`}, `W/"v1-gzip"`},
		{taggedInfo{tag: `W/"v1"`}, `W/"v1"`},
	} {
		if got := asIssued(c.sent, c.info); got != c.sent {
			t.Errorf("%s of a file with %s is read as %s", c.sent, entityTag(c.info), got)
		}
	}
	if got := asIssued(`W/"v1-br"`, taggedInfo{tag: `"v1"`}); got != `"v1"` {
		t.Errorf("a proxy's is read as %s", got)
	}
}
