package cmd

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOtherProgramsAreSeenAtOnce has another program make, change and remove
// files of a local folder whose listings were shown before.
func TestOtherProgramsAreSeenAtOnce(t *testing.T) {
	r := newRooted(t, map[string]string{"d/old.txt": "12345", "d/gone.txt": "x"}, nil, map[string]string{"admin": ""})
	name := filepath.Join(r.dir, "d", "old.txt")
	expect := func(want int, body, method, at string, headers ...string) {
		t.Helper()
		content := ""
		if method == "PUT" {
			content = "of the client"
		}
		if code, all := r.do("admin", method, at, content, headers...); code != want || !strings.Contains(all, body) {
			t.Errorf("%s %s %q: %d, want %d with %q:\n%s", method, at, headers, code, want, body, all)
		}
	}
	expect(207, "/d/old.txt", "PROPFIND", "/d/")
	expect(404, "", "GET", "/d/new.txt")

	for _, content := range []string{"abcde", "another size"} { // written in place, first with the same size
		before := r.etag("/d/old.txt")
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		for ticked := false; !ticked; { // the clock of the file system
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			now, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			ticked = now.ModTime().After(fi.ModTime())
		}
		modified := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		if err := os.Chtimes(name, modified, modified); err != nil { // neither time nor size tells it then
			t.Fatal(err)
		}
		_, listing := r.do("admin", "PROPFIND", "/d/", "")
		for _, want := range []string{fmt.Sprintf("getcontentlength>%d<", len(content)), "Sat, 03 Feb 2001 04:05:06 GMT"} {
			if !strings.Contains(listing, want) {
				t.Errorf("the listing has no %s:\n%s", want, listing)
			}
		}
		if strings.Contains(listing, strings.Trim(before, `"`)) {
			t.Error("the listing has the entity tag of before")
		}
		expect(200, content, "GET", "/d/old.txt")
		expect(412, "", "PUT", "/d/old.txt", "If-Match", before)
		expect(200, content, "GET", "/d/old.txt")
	}

	if err := os.WriteFile(filepath.Join(r.dir, "d", "new.txt"), []byte("made elsewhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(412, "", "PUT", "/d/new.txt", "If-None-Match", "*")
	expect(200, "made elsewhere", "GET", "/d/new.txt")
	expect(207, "/d/new.txt", "PROPFIND", "/d/")

	if err := os.Rename(filepath.Join(r.dir, "d"), filepath.Join(r.dir, "e")); err != nil {
		t.Fatal(err)
	}
	expect(404, "", "GET", "/d/old.txt")
	expect(409, "", "PUT", "/d/old.txt")
	expect(207, "/e/old.txt", "PROPFIND", "/e/")
	if err := os.Remove(filepath.Join(r.dir, "e", "gone.txt")); err != nil {
		t.Fatal(err)
	}
	expect(404, "", "GET", "/e/gone.txt")
	expect(204, "", "PUT", "/e/old.txt", "If-Match", r.etag("/e/old.txt"))
}

// etag returns the entity tag in the response to HEAD.
func (r *rooted) etag(name string) string {
	r.Helper()
	code, all := r.do("admin", "HEAD", name, "")
	_, rest, found := strings.Cut(all, "Etag: ")
	if code != http.StatusOK || !found {
		r.Fatalf("HEAD %s: %d %s", name, code, all)
	}
	tag, _, _ := strings.Cut(rest, "\r\n")
	return tag
}
