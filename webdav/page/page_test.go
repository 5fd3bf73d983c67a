package page_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/page"
)

// hostile is a name that breaks what does not escape.
const hostile = `$ %25 <b>&amp; #?;+=,' "Ж` + "\U0001F600" + `é` + "i\u0306"

// serve gives the root folder of a handler with the page.
func serve(t *testing.T, fs afero.Fs, opts ...webdav.Option) *httptest.Server {
	t.Helper()
	shown, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := webdav.NewHandler(fs, append(opts, webdav.WithPage(shown))...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		if err := handler.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func ask(t *testing.T, server *httptest.Server, method, at string, headers ...string) (status int, header http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+at, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(content)
}

func escape(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// TestFolderIsShown: each entry is a link, and no name is more than a name.
func TestFolderIsShown(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>&"'`
	for name, newFs := range map[string]func(t *testing.T) afero.Fs{
		"memory": func(*testing.T) afero.Fs { return afero.NewMemMapFs() },
		"os":     func(t *testing.T) afero.Fs { return afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()) },
		"vfs": func(t *testing.T) afero.Fs {
			fs, err := vfs.New(memory.New(memory.Options{}))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = fs.Close() })
			return fs
		},
	} {
		for _, prefix := range []string{"", "/dav"} {
			t.Run(name+prefix, func(t *testing.T) {
				fs := newFs(t)
				for _, err := range []error{fs.Mkdir("/d", 0o700), fs.Mkdir("/d/"+hostile, 0o700), afero.WriteFile(fs, "/d/"+evil, []byte("x"), 0o600)} {
					if err != nil {
						t.Fatal(err)
					}
				}
				server := serve(t, fs, webdav.WithPrefix(prefix))
				for _, at := range []string{"/d", "/d/"} {
					status, header, body := ask(t, server, "GET", prefix+at)
					if status != 200 || header.Get("Content-Type") != "text/html; charset=utf-8" || header.Get("Content-Security-Policy") == "" ||
						header.Get("X-Content-Type-Options") != "nosniff" {
						t.Errorf("%d, header %v", status, header)
					}
					if strings.Contains(body, "<img") || strings.Contains(body, "<b>") {
						t.Errorf("a name is not escaped: %s", body)
					}
					shown := html.UnescapeString(body)
					for _, name := range []string{"/d/" + evil, "/d/" + hostile + "/"} {
						if !strings.Contains(shown, `href="`+escape(prefix+name)+`"`) {
							t.Errorf("no link to %s", escape(prefix+name))
						}
						if !strings.Contains(shown, ">"+path.Base(name)+"</a>") {
							t.Errorf("the name %q is not shown", path.Base(name))
						}
					}
					if !strings.Contains(shown, `<tr class="parent"><td><a href="`+prefix+`/">..</a>`) {
						t.Error("no way up")
					}
				}
				if status, header, body := ask(t, server, "HEAD", prefix+"/d"); status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || body != "" {
					t.Errorf("HEAD: %d %v", status, header)
				}
				if _, _, body := ask(t, server, "GET", prefix+"/"); strings.Contains(body, `class="parent"`) {
					t.Error("there is a way up from the root")
				}
			})
		}
	}
}

// TestRootOfAUserIsTheRoot: the page begins where the user's files do.
func TestRootOfAUserIsTheRoot(t *testing.T) {
	fs := afero.NewMemMapFs()
	if err := fs.MkdirAll("/home/anna/in", 0o700); err != nil {
		t.Fatal(err)
	}
	shown, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := webdav.NewHandler(fs, webdav.WithPage(shown))
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close()
	for at, crumbs := range map[string]string{
		"/":    `<a href="/">Home</a></nav>`,
		"/in/": `<a href="/">Home</a><span>/</span><a href="/in/">in</a></nav>`,
	} {
		w := httptest.NewRecorder()
		ctx := webdav.ContextWithPrincipal(t.Context(), webdav.Principal{Name: "anna", Root: "/home/anna"})
		handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", at, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), crumbs) || strings.Contains(w.Body.String(), "home") {
			t.Errorf("%s: %d %s", at, w.Code, w.Body)
		}
	}
}

// failing cannot be listed.
type failing struct{ afero.Fs }

func (f failing) Open(name string) (afero.File, error) {
	file, err := f.Fs.Open(name)
	return unlisted{file}, err
}

type unlisted struct{ afero.File }

func (unlisted) Readdir(int) ([]fs.FileInfo, error) {
	return nil, &fs.PathError{Op: "readdir", Path: "/", Err: context.DeadlineExceeded}
}

// TestFolderThatCannotBeListed: the fault is reported by its status, and not as an
// empty folder.
func TestFolderThatCannotBeListed(t *testing.T) {
	server := serve(t, failing{afero.NewMemMapFs()})
	if status, header, body := ask(t, server, "GET", "/"); status != 503 || header.Get("Retry-After") == "" || strings.Contains(body, "empty") {
		t.Errorf("%d %v %s", status, header, body)
	}
}

// TestPageRunsItsOwnScriptAlone: the policy allows what has the nonce of the
// answer, which is another each time, and nothing in the page is inline.
func TestPageRunsItsOwnScriptAlone(t *testing.T) {
	server := serve(t, afero.NewMemMapFs())
	nonces := map[string]bool{}
	for range 2 {
		_, header, body := ask(t, server, "GET", "/")
		policy := header.Get("Content-Security-Policy")
		found := regexp.MustCompile(`script-src 'nonce-([A-Z0-9]{26,})' 'strict-dynamic'; style-src 'nonce-([A-Z0-9]{26,})';`).FindStringSubmatch(policy)
		if found == nil || found[1] != found[2] || nonces[found[1]] {
			t.Fatalf("policy %q", policy)
		}
		nonces[found[1]] = true
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("it allows too much: %s", policy)
		}
		if strings.Contains(body, "<style") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(body) || strings.Contains(body, "style=") || regexp.MustCompile(`\son\w+=`).MatchString(body) {
			t.Errorf("something is inline:\n%s", body)
		}
		if !strings.Contains(body, `nonce="`+found[1]+`"></script>`) {
			t.Errorf("the script has not the nonce:\n%s", body)
		}
	}
}

// TestListIsPaged: a list without a script has 500 names a page, each name once.
func TestListIsPaged(t *testing.T) {
	fs := afero.NewMemMapFs()
	for i := range 1201 {
		if err := afero.WriteFile(fs, fmt.Sprintf("/many/%04d", i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := serve(t, fs)
	row := regexp.MustCompile(`<td class="file"><a href="/many/(\d{4})">`)
	seen := map[string]bool{}
	for at, want := range map[string]int{"?page=1": 500, "?page=2": 500, "?page=3": 201} {
		_, _, body := ask(t, server, "GET", "/many/"+at)
		found := row.FindAllStringSubmatch(body, -1)
		for _, f := range found {
			seen[f[1]] = true
		}
		if len(found) != want {
			t.Errorf("%s: %d names", at, len(found))
		}
		if next := strings.Contains(body, `rel="next"`); next != (at != "?page=3") {
			t.Errorf("%s: a next page: %v", at, next)
		}
	}
	if len(seen) != 1201 {
		t.Errorf("%d names are shown", len(seen))
	}
	for _, at := range []string{"", "?page=0", "?page=-1", "?page=x"} {
		if _, _, body := ask(t, server, "GET", "/many/"+at); !strings.Contains(body, `href="/many/0000"`) {
			t.Errorf("%q is not the first page", at)
		}
	}
	if _, _, body := ask(t, server, "GET", "/many/?page=99999999999"); !strings.Contains(body, `href="/many/`) {
		t.Error("a page after the last shows nothing")
	}
}

// TestLanguages: the list is in the language that the browser asks for.
func TestLanguages(t *testing.T) {
	server := serve(t, afero.NewMemMapFs())
	for accept, want := range map[string]string{"": "This folder is empty.", "ru-RU,ru;q=0.9,en;q=0.8": "В этой папке пусто.", "de": "This folder is empty.", ";;;": "This folder is empty."} {
		if _, _, body := ask(t, server, "GET", "/", "Accept-Language", accept); !strings.Contains(body, want) {
			t.Errorf("%q: %s", accept, body)
		}
	}
}

// TestErrorPage: people get a page with a way home, programs a line of text.
func TestErrorPage(t *testing.T) {
	server := serve(t, afero.NewMemMapFs(), webdav.WithPrefix("/dav"))
	at := "/dav/" + url.PathEscape(`<script>alert(1)</script>`)
	status, header, body := ask(t, server, "GET", at, "Accept", "text/html,*/*;q=0.8")
	if status != 404 || header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, `href="/dav/"`) || strings.Contains(body, "<script") ||
		!strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v %s", status, header, body)
	}
	for _, c := range [][2]string{{"GET", "*/*"}, {"PROPFIND", "text/html"}} {
		if status, header, body := ask(t, server, c[0], at, "Accept", c[1]); status != 404 || strings.HasPrefix(header.Get("Content-Type"), "text/html") || strings.Contains(body, "<html") {
			t.Errorf("%s: %d %v %s", c[0], status, header, body)
		}
	}
	broken := serve(t, failing{afero.NewMemMapFs()})
	if status, header, body := ask(t, broken, "GET", "/", "Accept", "text/html"); status != 503 || header.Get("Retry-After") == "" || !strings.Contains(body, "is not available") {
		t.Errorf("%d %v %s", status, header, body)
	}
}
