package page_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav"
)

// TestZip: names and contents are those of the share, and nothing else is in it.
func TestZip(t *testing.T) {
	files := afero.NewMemMapFs()
	want := map[string]string{"Документы/письмо.txt": "text", "Документы/" + hostile: "x", "empty.txt": "", "deep/a/b/c.bin": strings.Repeat("z", 300_000)}
	for name, content := range want {
		if err := afero.WriteFile(files, "/home/anna/in/"+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.MkdirAll("/home/anna/in/nothing", 0o700); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, files, &webdav.Principal{Name: "anna", Root: "/home/anna"})
	form := func(values url.Values) *httptest.ResponseRecorder {
		return c.send("POST", api+"zip", values.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	}
	read := func(w *httptest.ResponseRecorder) *zip.Reader {
		t.Helper()
		r, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
		if err != nil {
			t.Fatalf("%d %s: %v", w.Code, w.Header(), err)
		}
		return r
	}
	w := form(url.Values{"path": {"/in"}})
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename=in.zip` {
		t.Errorf("Content-Disposition %q", got)
	}
	got := map[string]string{}
	for _, f := range read(w).File {
		if f.NonUTF8 {
			t.Errorf("%q is not told to be UTF-8", f.Name)
		}
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[f.Name] = string(content)
	}
	if len(got) != len(want) {
		t.Errorf("%d files", len(got))
	}
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%q is %.20q", name, got[name])
		}
	}
	var names []string
	for _, f := range read(form(url.Values{"path": {"/in"}, "name": {"empty.txt", "Документы"}})).File {
		names = append(names, f.Name)
	}
	same(t, "a selection", names, []string{"empty.txt", "Документы/", "Документы/письмо.txt", "Документы/" + hostile})
	for _, values := range []url.Values{{"path": {"/none"}}, {"path": {"/in"}, "name": {"none"}}, {"path": {"/in"}, "name": {"../x"}}, {"path": {"/in"}, "name": {".."}}, {"path": {"in"}}, {}} {
		if w := form(values); w.Code < 400 || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%v: %d %v", values, w.Code, w.Header())
		}
	}
	if w := c.send("POST", api+"zip", "path=/in", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("from elsewhere: %d", w.Code)
	}
}

// shortening has a file that ends before its size, as one that is replaced
// while it is read.
type shortening struct{ afero.Fs }

func (s shortening) Open(name string) (afero.File, error) {
	f, err := s.Fs.Open(name)
	if err == nil && path.Base(name) == "short" {
		return shortFile{f}, nil
	}
	return f, err
}

type shortFile struct{ afero.File }

func (shortFile) Read([]byte) (int, error) { return 0, io.EOF }

// TestZipIsWholeOrBroken: an archive that could not be finished does not look
// like one.
func TestZipIsWholeOrBroken(t *testing.T) {
	files := afero.NewMemMapFs()
	if err := errors.Join(afero.WriteFile(files, "/in/a", bytes.Repeat([]byte("x"), 1<<20), 0o600), afero.WriteFile(files, "/in/short", []byte("content"), 0o600)); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, shortening{files}, nil)
	server := httptest.NewServer(c.handler)
	defer server.Close()
	res, err := server.Client().PostForm(server.URL+api+"zip", url.Values{"path": {"/in"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%d bytes that look whole", len(body))
	}
}
