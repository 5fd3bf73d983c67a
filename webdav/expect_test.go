package webdav

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/memory"
)

// TestContinueOnlyWhenTheUploadWillBeAccepted: a client that asks before
// sending is told at once what will be refused, by whatever header the size is
// sent.
func TestContinueOnlyWhenTheUploadWillBeAccepted(t *testing.T) {
	const free, most = 100 << 20, 1 << 20
	s := newShareOf(t, newVFSOn(t, memory.New(memory.Options{Total: free, MaxFile: most})),
		[]Principal{{Name: "me"}, {Name: "guest", ReadOnly: true}})
	me, guest := as("me")+"\r\n", as("guest")+"\r\n"
	s.want(201, "MKCOL", "/d", "", as("me"))
	s.want(201, "PUT", "/f", "f", as("me"))
	s.want(201, "PUT", "/locked", "x", as("me"))
	s.lock("/locked", as("me"))
	length := func(n int64) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	expected := func(n int64) string {
		return fmt.Sprintf("Transfer-Encoding: chunked\r\nX-Expected-Entity-Length: %d\r\n", n)
	}
	for _, c := range []struct {
		name, at, headers string
		want              int
	}{
		{"small", "/new", me + length(5), 100},
		{"replacing", "/f", me + length(5), 100},
		{"the largest", "/new", me + length(most), 100},
		{"too large", "/new", me + length(most+1), 413},
		{"too large, in chunks", "/new", me + expected(most+1), 413},
		{"more than is free", "/new", me + length(free+1), 507},
		{"more than is free, in chunks", "/new", me + expected(free+1), 507},
		{"as a guest", "/new", guest + length(5), 403},
		{"without a parent", "/none/new", me + length(5), 409},
		{"below a file", "/f/new", me + length(5), 409},
		{"over a folder", "/d", me + length(5), 405},
		{"of something locked", "/locked", me + length(5), 423},
		{"of something else", "/f", me + length(5) + "If-Match: \"other\"\r\n", 412},
		{"of something new", "/f", me + length(5) + "If-None-Match: *\r\n", 412},
		{"in part", "/f", me + length(5) + "Content-Range: bytes 0-4/10\r\n", 400},
		{"encoded", "/f", me + length(5) + "Content-Encoding: br\r\n", 415},
	} {
		head := "PUT " + c.at + " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + c.headers + "\r\n"
		if got := s.firstStatus(head); got != c.want {
			t.Errorf("%s: first answer %d, want %d", c.name, got, c.want)
		}
	}
	head := "PUT /new HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\n" + me + length(5) + "\r\n"
	if got := s.firstStatus(head); got != 417 {
		t.Errorf("another expectation: %d", got)
	}
	if a := s.want(200, "GET", "/f", "", as("me")); a.body != "f" {
		t.Errorf("the file is %q", strings.TrimSpace(a.body))
	}
}
