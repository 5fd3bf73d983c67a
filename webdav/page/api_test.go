package page_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/page"
)

const api = "/.davdisk/api/"

// store is one that can do everything.
type store struct {
	trashed  []page.TrashedItem
	done     []string
	previews atomic.Int32
}

func (s *store) Share(_ context.Context, name string) (string, error) {
	s.done = append(s.done, "share "+name)
	return "https://example.org/1", nil
}

func (s *store) Unshare(_ context.Context, name string) error {
	s.done = append(s.done, "unshare "+name)
	return nil
}

func (s *store) Shared(context.Context) iter.Seq2[page.Item, error] {
	return items("/home/anna/a.txt", "/home/bob/b.txt", "/home/annabel/c.txt")
}

func (s *store) Files(context.Context) iter.Seq2[page.Item, error] {
	return items("/home/anna/deep/Needle.txt", "/home/anna/needles/x.txt", "/home/bob/needle.txt")
}

func items(names ...string) iter.Seq2[page.Item, error] {
	return func(yield func(page.Item, error) bool) {
		for _, name := range names {
			if !yield(page.Item{Name: name, Address: "https://example.org/1"}, nil) {
				return
			}
		}
	}
}

func (s *store) Trashed(context.Context) iter.Seq2[page.TrashedItem, error] {
	return func(yield func(page.TrashedItem, error) bool) {
		for _, e := range s.trashed {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *store) Restore(_ context.Context, id, to string) (string, error) {
	s.done = append(s.done, "restore "+id+" "+to)
	return to, nil
}

func (s *store) Discard(_ context.Context, id string) error {
	s.done = append(s.done, "discard "+id)
	return nil
}

func (s *store) Empty(context.Context) error {
	s.done = append(s.done, "empty")
	return nil
}

func (s *store) Preview(_ context.Context, name string, _ int) (io.ReadCloser, error) {
	s.previews.Add(1)
	switch path.Ext(name) {
	case ".png":
		return io.NopCloser(strings.NewReader("\x89PNG\r\n\x1a\n" + name)), nil
	case ".svg":
		return io.NopCloser(strings.NewReader("<svg><script>alert(1)</script></svg>")), nil
	}
	return nil, &fs.PathError{Op: "preview", Path: name, Err: fs.ErrNotExist}
}

func (s *store) Space(_ context.Context, name string) (page.Space, error) {
	if strings.HasPrefix(name, "/home/anna") {
		return page.Space{Total: int64(len(name))}, nil
	}
	return page.Space{}, errors.New("no luck")
}

func newStore() (*store, page.Store) {
	s := &store{trashed: []page.TrashedItem{
		{ID: "1", Name: "old.txt", Origin: "/home/anna/old.txt", Deleted: time.Unix(1, 0)},
		{ID: "2", Name: "new.txt", Origin: "/home/anna/new.txt", Deleted: time.Unix(2, 0)},
		{ID: "3", Name: "bobs.txt", Origin: "/home/bob/bobs.txt", Deleted: time.Unix(3, 0)},
		{ID: "4", Name: "unknown.txt", Deleted: time.Unix(4, 0)},
	}}
	return s, page.Store{Links: s, Trash: s, Previews: s, Files: s, Space: s}
}

// client asks the JSON interface as some user.
type client struct {
	t       *testing.T
	handler http.Handler
	user    *webdav.Principal
}

func newClient(t *testing.T, files afero.Fs, user *webdav.Principal, opts ...page.Option) *client {
	t.Helper()
	shown, err := page.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := webdav.NewHandler(files, webdav.WithPage(shown))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = handler.Close() })
	return &client{t, handler, user}
}

func (c *client) send(method, at, body string, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	ctx := c.t.Context()
	if c.user != nil {
		ctx = webdav.ContextWithPrincipal(ctx, *c.user)
	}
	req := httptest.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, req)
	return w
}

func (c *client) get(name string, query ...string) *httptest.ResponseRecorder {
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	return c.send("GET", api+name+"?"+values.Encode(), "")
}

func (c *client) post(name string, body any) *httptest.ResponseRecorder {
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.send("POST", api+name, string(text), "Content-Type", "application/json", "X-Davdisk", "1", "Sec-Fetch-Site", "same-origin")
}

// field lists a field of the entries in an answer.
func field(t *testing.T, w *httptest.ResponseRecorder, name string) []string {
	t.Helper()
	var answer struct {
		Entries []map[string]any `json:"entries"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	var all []string
	for _, e := range answer.Entries {
		all = append(all, fmt.Sprint(e[name]))
	}
	return all
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func homes(t *testing.T) afero.Fs {
	t.Helper()
	files := afero.NewMemMapFs()
	for _, name := range []string{"/home/anna/a.txt", "/home/anna/p.png", "/home/anna/s.svg", "/home/bob/b.txt", "/home/anna/" + strings.ReplaceAll(hostile, "/", "")} {
		if err := afero.WriteFile(files, name, []byte("content of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestAPIUserSeesHisOwn: of what the whole store has, a user is shown and can
// change what is below his root.
func TestAPIUserSeesHisOwn(t *testing.T) {
	s, all := newStore()
	c := newClient(t, homes(t), &webdav.Principal{Name: "anna", Root: "/home/anna"}, page.WithStore(all))
	same(t, "list", field(t, c.get("list", "path", "/"), "name"), []string{"a.txt", "p.png", "s.svg", hostile})
	same(t, "links", field(t, c.get("links"), "path"), []string{"/a.txt"})
	same(t, "search", field(t, c.get("search", "path", "/", "q", "NEEDLE"), "path"), []string{"/deep/Needle.txt", "/needles"})
	same(t, "trash", field(t, c.get("trash"), "origin"), []string{"/old.txt", "/new.txt"})
	if ids := field(t, c.get("trash"), "id"); !slices.Equal(ids, []string{"2", "1"}) {
		t.Errorf("the trash is in the order %q", ids)
	}
	for at, want := range map[string]string{"/": `"total":10`, "/deep": `"total":15`} {
		if w := c.get("status", "path", at); !strings.Contains(w.Body.String(), want) {
			t.Errorf("the space of %s: %s", at, w.Body)
		}
	}
	if w := c.get("status", "path", "/../bob"); w.Code != 400 {
		t.Errorf("the space of another: %d %s", w.Code, w.Body)
	}
	for _, at := range []string{"/../bob/b.txt", "/..", "a.txt", "//home", "/./a.txt", "/.davdisk-x"} {
		if w := c.get("list", "path", at); w.Code == 200 {
			t.Errorf("list %s: %s", at, w.Body)
		}
		if w := c.post("share", map[string]string{"path": at}); w.Code == 200 {
			t.Errorf("share %s: %s", at, w.Body)
		}
	}
	for _, id := range []string{"3", "4", "5", ""} {
		for _, call := range []string{"trash/restore", "trash/discard"} {
			if w := c.post(call, map[string]string{"id": id, "to": "/x"}); w.Code != 404 {
				t.Errorf("%s %q: %d", call, id, w.Code)
			}
		}
	}
	if len(s.done) > 0 {
		t.Fatalf("that did %q", s.done)
	}
	for _, w := range []*httptest.ResponseRecorder{
		c.post("share", map[string]string{"path": "/a.txt"}), c.post("unshare", map[string]string{"path": "/a.txt"}),
		c.post("trash/restore", map[string]string{"id": "1"}), c.post("trash/restore", map[string]string{"id": "2", "to": "/other"}),
		c.post("trash/empty", struct{}{}),
	} {
		if w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	same(t, "done", s.done, []string{"share /home/anna/a.txt", "unshare /home/anna/a.txt", "restore 1 /home/anna/old.txt", "restore 2 /home/anna/other", "discard 2", "discard 1"})
	s.done = nil
	if w := c.post("trash/restore", map[string]string{"id": "1", "to": "/a.txt"}); w.Code != 412 || len(s.done) > 0 {
		t.Errorf("restored over another file: %d %q", w.Code, s.done)
	}
}

// TestAPINeedsProof: a change is carried out if a page of this origin sent it.
func TestAPINeedsProof(t *testing.T) {
	s, all := newStore()
	c := newClient(t, homes(t), nil, page.WithStore(all))
	const body, at = `{"path":"/home"}`, "http://example.com" + api + "share"
	for name, headers := range map[string][]string{
		"a form":         {"Content-Type", "application/x-www-form-urlencoded"},
		"no header":      {"Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"},
		"another site":   {"Content-Type", "application/json", "X-Davdisk", "1", "Sec-Fetch-Site", "cross-site"},
		"another port":   {"Content-Type", "application/json", "X-Davdisk", "1", "Sec-Fetch-Site", "same-site"},
		"another origin": {"Content-Type", "application/json", "X-Davdisk", "1", "Origin", "http://evil.example"},
		"no origin":      {"Content-Type", "application/json", "X-Davdisk", "1", "Origin", "null"},
	} {
		if w := c.send("POST", at, body, headers...); w.Code != 403 || len(s.done) > 0 {
			t.Errorf("%s: %d %q", name, w.Code, s.done)
		}
	}
	for _, headers := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://example.com"}, {}} {
		s.done = nil
		if w := c.send("POST", at, body, append(headers, "Content-Type", "application/json", "X-Davdisk", "1")...); w.Code != 200 || len(s.done) != 1 {
			t.Errorf("%q: %d %q", headers, w.Code, s.done)
		}
	}
	if w := c.send("GET", at, ""); w.Code != 405 {
		t.Errorf("GET of a change: %d", w.Code)
	}
	if w := c.send("GET", "http://example.com"+api+"list?path=/", "", "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("a page from elsewhere reads: %d", w.Code)
	}
	for _, bad := range []string{"", "[]", "{", `{"path":5}`, strings.Repeat(" ", 2<<20) + body} {
		if w := c.send("POST", at, bad, "Content-Type", "application/json", "X-Davdisk", "1"); w.Code < 400 || w.Code >= 500 {
			t.Errorf("body %.20q: %d", bad, w.Code)
		}
	}
}

// TestAPIReadOnly: who may change nothing can use nothing that changes.
func TestAPIReadOnly(t *testing.T) {
	s, all := newStore()
	c := newClient(t, homes(t), &webdav.Principal{Name: "anna", Root: "/home/anna", ReadOnly: true}, page.WithStore(all))
	for _, call := range []string{"share", "unshare", "trash/restore", "trash/discard", "trash/empty"} {
		if w := c.post(call, map[string]string{"path": "/a.txt", "id": "1"}); w.Code != 403 {
			t.Errorf("%s: %d", call, w.Code)
		}
	}
	if len(s.done) > 0 {
		t.Errorf("that did %q", s.done)
	}
}

// TestAPIWithoutAbilities: what a store cannot do is not there, and not shown.
func TestAPIWithoutAbilities(t *testing.T) {
	c := newClient(t, homes(t), nil)
	for _, name := range []string{"links", "trash", "preview"} {
		if w := c.get(name, "path", "/home/anna/p.png"); w.Code != 404 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := c.send("GET", "/", ""); !strings.Contains(w.Body.String(), `&#34;trash&#34;:false`) {
		t.Errorf("the page is told of a trash: %s", w.Body)
	}
	same(t, "search", field(t, c.get("search", "path", "/home", "q", ".TXT"), "path"), []string{"/home/anna/a.txt", "/home/bob/b.txt"})
	if w := c.get("status"); w.Code != 200 || strings.Contains(w.Body.String(), "trouble") {
		t.Errorf("status: %d %s", w.Code, w.Body)
	}
	_, all := newStore()
	if w := newClient(t, homes(t), nil, page.WithStore(all), page.WithVersion("v9")).get("status"); !strings.Contains(w.Body.String(), `"trouble":"no luck"`) || !strings.Contains(w.Body.String(), "v9") {
		t.Errorf("status: %s", w.Body)
	}
	// What is below the page's own folder is not the file system's.
	if w := c.send("PUT", "/.davdisk/x", "x"); w.Code != 404 {
		t.Errorf("PUT: %d", w.Code)
	}
	if w := c.send("MOVE", "/home/bob", "", "Destination", "/.davdisk/x"); w.Code != 403 {
		t.Errorf("MOVE: %d", w.Code)
	}
}

// TestAPIListIsNotSentTwice: a client that has the listing gets 304.
func TestAPIListIsNotSentTwice(t *testing.T) {
	files := homes(t)
	c := newClient(t, files, nil)
	first := c.get("list", "path", "/home/bob")
	tag := first.Header().Get("ETag")
	again := func() int {
		return c.send("GET", api+"list?path=/home/bob", "", "If-None-Match", tag).Code
	}
	if code := again(); tag == "" || code != 304 {
		t.Errorf("%q: %d", tag, code)
	}
	if err := afero.WriteFile(files, "/home/bob/new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := again(); code != 200 {
		t.Errorf("a change: %d", code)
	}
	if code := c.get("list", "path", "/home/bob/b.txt").Code; code != 409 {
		t.Errorf("the list of a file: %d", code)
	}
	if code := c.get("list", "path", "/none").Code; code != 404 {
		t.Errorf("the list of nothing: %d", code)
	}
}

// TestPreview: the store is asked once for each version, and what is no picture
// is not shown.
func TestPreview(t *testing.T) {
	s, all := newStore()
	files := homes(t)
	c := newClient(t, files, &webdav.Principal{Name: "anna", Root: "/home/anna"}, page.WithStore(all))
	for range 3 {
		if w := c.get("preview", "path", "/p.png"); w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || !strings.HasSuffix(w.Body.String(), "/home/anna/p.png") {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
	if n := s.previews.Load(); n != 1 {
		t.Errorf("the store was asked %d times", n)
	}
	if err := afero.WriteFile(files, "/home/anna/p.png", []byte("another version, longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if w := c.get("preview", "path", "/p.png"); w.Code != 200 || s.previews.Load() != 2 {
		t.Errorf("another version: %d, asked %d times", w.Code, s.previews.Load())
	}
	for _, name := range []string{"/s.svg", "/a.txt", "/none.png", "/"} {
		if w := c.get("preview", "path", name); w.Code != 404 || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestStatic: the page's own files are kept for good under their digest, and
// those of another version are not found.
func TestStatic(t *testing.T) {
	c := newClient(t, afero.NewMemMapFs(), nil)
	body := c.send("GET", "/", "").Body.String()
	_, rest, _ := strings.Cut(body, `data-static="`)
	base, _, _ := strings.Cut(rest, `"`)
	entries, err := os.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, entry := range entries {
		w := c.send("GET", base+entry.Name(), "", "Accept-Encoding", "gzip, br")
		total += w.Body.Len()
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d %v", entry.Name(), w.Code, w.Header())
		}
		plain, err := os.ReadFile("static/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if w := c.send("GET", base+entry.Name(), ""); !bytes.Equal(w.Body.Bytes(), plain) || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s uncompressed: %v", entry.Name(), w.Header())
		}
		if strings.Contains(string(plain), "innerHTML") || strings.Contains(string(plain), "insertAdjacentHTML") {
			t.Errorf("%s makes markup of text", entry.Name())
		}
	}
	t.Logf("the page's own files are %d bytes, compressed", total)
	if total > 60<<10 {
		t.Errorf("they are %d bytes, compressed", total)
	}
	for _, at := range []string{base + "none.js", base, "/.davdisk/static/0123456789abcdef/app.js", "/.davdisk/static/app.js", "/.davdisk/", "/.davdisk"} {
		if w := c.send("GET", at, ""); w.Code != 404 {
			t.Errorf("%s: %d", at, w.Code)
		}
	}
}
