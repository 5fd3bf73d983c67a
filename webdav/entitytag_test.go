package webdav

import (
	"encoding/hex"
	"io/fs"
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
