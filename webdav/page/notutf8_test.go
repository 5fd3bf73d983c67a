package page_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/afero"
)

// TestNamesThatAreNotUTF8: what no request can name has no link, is counted, and
// keeps nothing else of its folder from being shown.
func TestNamesThatAreNotUTF8(t *testing.T) {
	files := afero.NewMemMapFs()
	for _, name := range []string{"/in/\xff\xfe.txt", "/in/\xc3dir/below.txt", "/in/whole.txt"} {
		if err := afero.WriteFile(files, name, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := newClient(t, files, nil)
	same(t, "list", field(t, c.get("list", "path", "/in"), "name"), []string{"whole.txt"})
	if body := c.get("list", "path", "/in").Body.String(); !strings.Contains(body, `"unnamed":2`) {
		t.Errorf("list: %s", body)
	}
	if body := c.send("GET", "/in/", "").Body.String(); strings.Contains(body, "%FF") || strings.Contains(body, "%EF%BF%BD") || !strings.Contains(body, `href="/in/whole.txt"`) || !strings.Contains(body, "<td class=\"folder\">") {
		t.Errorf("the list is %s", body)
	}
	// An archive that would lack something is not made.
	req := httptest.NewRequest("POST", "http://127.0.0.1"+api+"zip", strings.NewReader("path=%2Fin"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if r := recover(); r != nil && r != http.ErrAbortHandler {
				panic(r)
			}
		}()
		c.handler.ServeHTTP(w, req)
	}()
	if _, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len())); err == nil {
		t.Error("an archive without them looks whole")
	}
}
