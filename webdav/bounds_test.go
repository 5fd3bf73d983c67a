package webdav

import (
	"fmt"
	"strings"
	"testing"
)

func TestXMLBodiesAreBounded(t *testing.T) {
	s := newShare(t, newCapableFs(), WithMaxXML(1000))
	s.put("/f", "f")
	for method, root := range map[string]string{"PROPFIND": "propfind", "PROPPATCH": "propertyupdate", "LOCK": "lockinfo"} {
		s.want(413, method, "/f", "<D:"+root+" xmlns:D=\"DAV:\">"+strings.Repeat(" ", 2000)+"</D:"+root+">", "Depth: 0")
	}
	s.want(207, "PROPFIND", "/f", "<D:propfind xmlns:D=\"DAV:\"><D:allprop/>"+strings.Repeat(" ", 500)+"</D:propfind>", "Depth: 0")
}

func TestLocksAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand locks")
	}
	s := newShare(t, newCapableFs())
	for i := range 10_001 {
		a := s.do("LOCK", fmt.Sprintf("/%d", i), lockBody)
		want := 201
		if i == 10_000 {
			want = 507
		}
		if a.status != want {
			t.Fatalf("lock %d: %d", i, a.status)
		}
	}
	s.want(201, "PUT", "/f", "others are served")
}
