package webdav

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/afero"
)

func TestAcceptsGzip(t *testing.T) {
	for accepted, want := range map[string]bool{
		"": false, "identity": false, "gzip": true, "x-gzip": true, "GZIP": true, "deflate, gzip": true, "br;q=1.0, gzip;q=0.8, *;q=0.1": true,
		"gzip;q=0": false, "gzip; q=0.000": false, "gzip;Q=0": false, "gzip ; q=0.001": true, "gzip;q=1": true, "*": false, "deflate": false, "notgzip": false,
	} {
		h := http.Header{}
		if accepted != "" {
			h.Set("Accept-Encoding", accepted)
		}
		if acceptsGzip(h) != want {
			t.Errorf("%q: want %t", accepted, want)
		}
	}
}

// TestCompression: a listing is compressed for a client elsewhere that accepts
// it, and is the same. Anything else is not: what is small, what is for a client
// on this machine, and what is no listing.
func TestCompression(t *testing.T) {
	mem := afero.NewMemMapFs()
	for i := range 150 {
		if err := afero.WriteFile(mem, fmt.Sprintf("/d/file %d", i), []byte(strings.Repeat("content", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, err := NewHandler(mem)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ask := func(method, path, depth, remote, accepted string) (body []byte, header http.Header) {
		t.Helper()
		req := httptest.NewRequest(method, path, nil)
		req.RemoteAddr = remote
		req.Header.Set("Depth", depth)
		if accepted != "" {
			req.Header.Set("Accept-Encoding", accepted)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code/100 != 2 {
			t.Fatalf("%s %s: %d", method, path, w.Code)
		}
		return w.Body.Bytes(), w.Header()
	}
	const elsewhere, here = "192.0.2.1:5", "127.0.0.1:5"
	plain, header := ask("PROPFIND", "/d/", "1", elsewhere, "")
	if header.Get("Content-Encoding") != "" || header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("a client that does not accept it: %v", header)
	}
	for range 3 { // writers are used again
		zipped, header := ask("PROPFIND", "/d/", "1", elsewhere, "gzip")
		if header.Get("Content-Encoding") != "gzip" || header.Get("Vary") != "Accept-Encoding" || len(zipped)*5 > len(plain) {
			t.Errorf("%d bytes of %d, %v", len(zipped), len(plain), header)
		}
		r, err := gzip.NewReader(strings.NewReader(string(zipped)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != string(plain) {
			t.Errorf("%d bytes of %d, %v", len(got), len(plain), err)
		}
	}
	for range maxCompressing {
		h.zips.get(io.Discard) // as slow clients hold them
	}
	if _, header := ask("PROPFIND", "/d/", "1", elsewhere, "gzip"); header.Get("Content-Encoding") != "" {
		t.Error("too many are compressed at a time")
	}
	for range maxCompressing {
		<-h.zips.held
	}
	for _, c := range [][]string{
		{"PROPFIND", "/d/", "1", here, "gzip"},
		{"PROPFIND", "/d/", "1", "[::1]:5", "gzip"},
		{"PROPFIND", "/d/", "1", "@", "gzip"},
		{"PROPFIND", "/d/", "0", elsewhere, "gzip"},
		{"GET", "/d/file%201", "", elsewhere, "gzip"},
		{"HEAD", "/d/file%201", "", elsewhere, "gzip"},
	} {
		if _, header := ask(c[0], c[1], c[2], c[3], c[4]); header.Get("Content-Encoding") != "" || strings.HasPrefix(header.Get("ETag"), "W/") {
			t.Errorf("%q is compressed: %v", c, header)
		}
	}
}

// brokenWriter is a connection that breaks after some bytes.
type brokenWriter struct {
	*httptest.ResponseRecorder
	left int
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return b.ResponseRecorder.Write(p)
}

// TestCutCompressedListingIsNotWhole: what is broken off does not end like a
// whole answer, and the writer is not used again with what it held.
func TestCutCompressedListingIsNotWhole(t *testing.T) {
	mem := afero.NewMemMapFs()
	for i := range 200 {
		if err := afero.WriteFile(mem, fmt.Sprintf("/d/file %d", i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, err := NewHandler(mem)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ask := func(w http.ResponseWriter) (broken any) {
		defer func() { broken = recover() }()
		req := httptest.NewRequest("PROPFIND", "/d/", nil)
		req.Header.Set("Depth", "1")
		req.Header.Set("Accept-Encoding", "gzip")
		h.ServeHTTP(w, req)
		return nil
	}
	for _, left := range []int{0, 10, 1000} {
		cut := &brokenWriter{httptest.NewRecorder(), left}
		if broken := ask(cut); broken != http.ErrAbortHandler {
			t.Fatalf("after %d bytes: %v", left, broken)
		}
		if r, err := gzip.NewReader(cut.Body); err == nil {
			if _, err := io.ReadAll(r); err == nil {
				t.Errorf("after %d bytes it looks whole", left)
			}
		}
		whole := httptest.NewRecorder()
		if broken := ask(whole); broken != nil {
			t.Fatal(broken)
		}
		r, err := gzip.NewReader(whole.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || strings.Count(string(got), "<D:response>") != 201 {
			t.Errorf("the next one has %d bytes, %v", len(got), err)
		}
		if n := len(h.zips.held); n != 0 {
			t.Errorf("%d writers are still held", n)
		}
	}
}
