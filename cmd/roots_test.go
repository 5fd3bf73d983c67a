package cmd

import (
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/webdav/server"
)

// rooted is a share on a folder of this machine whose users have roots.
type rooted struct {
	*testing.T
	dir    string
	server *httptest.Server
}

// newRooted makes the share from files and, with a target, links.
func newRooted(t *testing.T, files, links, roots map[string]string) *rooted {
	t.Helper()
	r := &rooted{T: t, dir: t.TempDir()}
	for name, content := range files {
		file := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(r.dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	b, err := local.New(r.dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var users []server.User
	for name, root := range roots {
		users = append(users, server.User{Name: name, Root: root, Verify: server.PlainPassword("x")})
	}
	s, err := newStack(b, stackOptions{
		address: r.dir, stateDir: t.TempDir(), cacheDir: t.TempDir(), cacheSize: 1 << 20, spoolSize: 1 << 20, dirTime: time.Hour, dirCount: 1000,
		log: slog.New(slog.DiscardHandler), server: []server.Option{server.WithUsers(users...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewServer(s)
	t.Cleanup(func() {
		r.server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// do sends a request; headers are given as pairs. It returns the status and all
// that the client sees of the answer.
func (r *rooted) do(user, method, name, body string, headers ...string) (int, string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.server.URL+name, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	if method == "PROPFIND" {
		req.Header.Set("Depth", "1")
	}
	req.SetBasicAuth(user, "x")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	var all strings.Builder
	resp.Header.Write(&all)
	return resp.StatusCode, all.String() + string(data)
}

// tree gives all below a folder of the machine, with content.
func (r *rooted) tree(name string) string {
	r.Helper()
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join(r.dir, name), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all.WriteString(file + "\n")
			return err
		}
		data, err := os.ReadFile(file)
		all.WriteString(file + " " + string(data) + "\n")
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return all.String()
}

const (
	patchColour = `<?xml version="1.0"?><propertyupdate xmlns="DAV:" xmlns:x="urn:x"><set><prop><x:c>red</x:c></prop></set></propertyupdate>`
	lockInfo    = `<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`
)

// TestALinkDoesNotLeadOutOfAUsersRoot has links in Alice's folder that lead to
// Bob's from the start, or do after they were copied or moved, and has every
// method try them. An administrator, who may go there, has filled the caches
// before.
func TestALinkDoesNotLeadOutOfAUsersRoot(t *testing.T) {
	const secret, size = "bob-knows-this", "14"
	r := newRooted(t,
		map[string]string{"bob/s.txt": secret, "bob/d/s.txt": secret, "alice/own.txt": "mine", "alice/docs/f.txt": "text", "alice/a/n/m/plain.txt": "p", "alice/x/n/m/plain.txt": "p"},
		map[string]string{"alice/a/n/m/deep": "../../bob", "alice/x/n/m/deep": "../../bob", "alice/dir": "../bob", "alice/file": "../bob/s.txt", "alice/within": "docs"},
		map[string]string{"alice": "/alice", "admin": "", "bob": "bob"})
	before := r.tree("bob")

	if code, _ := r.do("alice", "COPY", "/a/n/m", "", "Destination", "/m"); code != 201 {
		t.Fatalf("a folder with a link that leads nowhere was not copied: %d", code)
	}
	if code, _ := r.do("alice", "MOVE", "/x/n/m", "", "Destination", "/moved"); code != 201 {
		t.Fatalf("a folder with a link that leads nowhere was not moved: %d", code)
	}
	for _, name := range []string{"/alice/dir/s.txt", "/alice/file", "/alice/m/deep/s.txt", "/alice/moved/deep/d/s.txt"} {
		if code, got := r.do("admin", "GET", name, ""); code != 200 || !strings.Contains(got, secret) {
			t.Errorf("an administrator does not reach %s: %d", name, code)
		}
	}
	for _, name := range []string{"/alice", "/alice/dir", "/alice/m", "/alice/m/deep", "/alice/moved", "/alice/moved/deep/d"} {
		r.do("admin", "PROPFIND", name, "")
	}

	for _, link := range []string{"/dir", "/m/deep", "/moved/deep"} {
		for _, name := range []string{link, link + "/", link + "/s.txt", link + "/d", link + "/d/s.txt"} {
			for _, method := range []string{"GET", "HEAD", "PROPFIND", "PROPPATCH", "DELETE"} {
				body := map[string]string{"PROPPATCH": patchColour}[method]
				code, got := r.do("alice", method, name, body)
				if code < 400 || strings.Contains(got, secret) || strings.Contains(got, ">"+size+"<") {
					t.Errorf("%s %s is %d: %s", method, name, code, got)
				}
			}
			for _, method := range []string{"COPY", "MOVE"} {
				if code, _ := r.do("alice", method, name, "", "Destination", "/stolen"); code < 400 {
					t.Errorf("%s from %s is %d", method, name, code)
				}
			}
		}
		for _, name := range []string{link + "/s.txt", link + "/new", link + "/d/new"} {
			for _, method := range []string{"PUT", "MKCOL", "LOCK"} {
				body := map[string]string{"PUT": "overwritten", "LOCK": lockInfo}[method]
				if code, _ := r.do("alice", method, name, body); code < 400 {
					t.Errorf("%s %s is %d", method, name, code)
				}
			}
			for _, method := range []string{"COPY", "MOVE"} {
				for _, from := range []string{"/own.txt", "/docs"} {
					if code, _ := r.do("alice", method, from, "", "Destination", name); code < 400 {
						t.Errorf("%s of %s to %s is %d", method, from, name, code)
					}
				}
			}
		}
	}
	for _, method := range []string{"GET", "PUT", "PROPFIND", "PROPPATCH"} {
		body := map[string]string{"PUT": "overwritten", "PROPPATCH": patchColour}[method]
		if code, got := r.do("alice", method, "/file", body); code < 400 || strings.Contains(got, secret) {
			t.Errorf("%s of a link to a file is %d: %s", method, code, got)
		}
	}
	for _, folder := range []string{"/", "/m", "/moved"} {
		_, got := r.do("alice", "PROPFIND", folder, "")
		for _, link := range []string{"/dir", "/file", "/deep"} {
			if strings.Contains(got, link+"<") || strings.Contains(got, link+"/<") {
				t.Errorf("the listing of %s shows %s", folder, link)
			}
		}
	}
	if code, got := r.do("alice", "GET", "/within/f.txt", ""); code != 200 || !strings.Contains(got, "text") {
		t.Errorf("a link within the root is not followed: %d", code)
	}
	if code, _ := r.do("alice", "PUT", "/within/f.txt", "changed"); code != 204 {
		t.Errorf("what a link within the root leads to cannot be written: %d", code)
	}
	if code, got := r.do("admin", "GET", "/alice/dir/s.txt", ""); code != 200 || !strings.Contains(got, secret) {
		t.Errorf("an administrator does not reach it any more: %d", code)
	}
	if after := r.tree("bob"); after != before {
		t.Errorf("Bob had\n%s and has\n%s", before, after)
	}
}

// TestARootIsNotReplacedByALink has somebody whose root is the folder above
// put a link in the place of Carol's root.
func TestARootIsNotReplacedByALink(t *testing.T) {
	r := newRooted(t,
		map[string]string{"secret/s.txt": "hidden-from-both", "team/carol/own.txt": "mine", "team/n/f": "x"},
		map[string]string{"team/n/link": "../secret"},
		map[string]string{"team": "/team", "carol": "team/carol"})
	if code, got := r.do("carol", "GET", "/own.txt", ""); code != 200 || !strings.Contains(got, "mine") {
		t.Fatalf("Carol does not reach her own file: %d", code)
	}
	if err := os.Rename(filepath.Join(r.dir, "team/carol"), filepath.Join(r.dir, "team/old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(r.dir, "team/n/link"), filepath.Join(r.dir, "team/carol")); err != nil {
		t.Fatal(err)
	}
	if code, got := r.do("carol", "GET", "/s.txt", ""); code < 400 || strings.Contains(got, "hidden-from-both") {
		t.Errorf("Carol reads what neither of them may: %d", code)
	}
	if code, _ := r.do("carol", "PUT", "/new.txt", "x"); code < 400 {
		t.Errorf("Carol writes where neither of them may: %d", code)
	}
}
