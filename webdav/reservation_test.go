package webdav

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// steppedFs calls a function in the middle of a change: before properties are
// set, and after everything else has taken effect.
type steppedFs struct {
	*capableFs
	step func(op, name string)
}

func (f *steppedFs) WithContext(ctx context.Context) afero.Fs {
	return &steppedFs{f.capableFs.WithContext(ctx).(*capableFs), f.step}
}

func (f *steppedFs) SetProperties(name string, set map[string]string, remove []string) error {
	f.step("PROPPATCH", name)
	return f.capableFs.SetProperties(name, set, remove)
}

func (f *steppedFs) Move(from, to string, overwrite bool) error {
	err := f.capableFs.Move(from, to, overwrite)
	f.step("MOVE", from)
	return err
}

func (f *steppedFs) Copy(from, to string, overwrite bool, depth int) error {
	err := f.capableFs.Copy(from, to, overwrite, depth)
	f.step("COPY", from)
	return err
}

func (f *steppedFs) Delete(name, ifMatch string) error {
	err := f.capableFs.Delete(name, ifMatch)
	f.step("DELETE", name)
	return err
}

func (f *steppedFs) Mkdir(name string, mode os.FileMode) error {
	err := f.capableFs.Mkdir(name, mode)
	f.step("MKCOL", name)
	return err
}

func (f *steppedFs) Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	info, err := f.capableFs.Put(name, body, size, mtime, ifMatch, ifAbsent)
	f.step("PUT", name)
	return info, err
}

// A change of names beside a PROPPATCH, or beside another one, is as if one had
// followed the other: a property whose change was acknowledged is with its
// resource, and nowhere else.
func TestPropertiesBesideChangesOfNames(t *testing.T) {
	type change struct{ method, at, to string }
	prop := func(at string) change { return change{method: "PROPPATCH", at: at} }
	for name, test := range map[string]struct {
		first  change   // is under way
		beside []change // come then, one after the other
		has    string   // the one resource that has the property in the end
	}{
		"MOVE of the resource":           {prop("/d/f"), []change{{"MOVE", "/d/f", "/e/f"}}, "/e/f"},
		"MOVE of the parent":             {prop("/d/f"), []change{{"MOVE", "/d", "/n"}}, "/n/f"},
		"MOVE of the parent's parent":    {prop("/d/sub/f"), []change{{"MOVE", "/d", "/n"}}, "/n/sub/f"},
		"MOVE of the folder":             {prop("/d"), []change{{"MOVE", "/d", "/n"}}, "/n"},
		"MOVE of a member":               {prop("/d"), []change{{"MOVE", "/d/f", "/n"}}, "/d"},
		"MOVE over the resource":         {prop("/d/f"), []change{{"MOVE", "/e/f", "/d/f"}}, ""},
		"MOVE over the parent":           {prop("/d/f"), []change{{"MOVE", "/e", "/d"}}, ""},
		"COPY over the resource":         {prop("/d/f"), []change{{"COPY", "/e/f", "/d/f"}}, ""},
		"COPY over the parent":           {prop("/d/f"), []change{{"COPY", "/e", "/d"}}, ""},
		"DELETE of the resource":         {prop("/d/f"), []change{{"DELETE", "/d/f", ""}, {"PUT", "/d/f", ""}}, ""},
		"DELETE of the parent":           {prop("/d/f"), []change{{"DELETE", "/d", ""}}, ""},
		"to what is moved":               {change{"MOVE", "/d", "/n"}, []change{prop("/n/f")}, "/n/f"},
		"to what was moved":              {change{"MOVE", "/d/f", "/n"}, []change{prop("/n")}, "/n"},
		"to what is copied":              {change{"COPY", "/d", "/n"}, []change{prop("/n/f")}, "/n/f"},
		"to a copy over something":       {change{"COPY", "/d", "/e"}, []change{prop("/e/f")}, "/e/f"},
		"to a new folder":                {change{"MKCOL", "/n", ""}, []change{prop("/n")}, "/n"},
		"to a new file":                  {change{"PUT", "/n", ""}, []change{prop("/n")}, "/n"},
		"to what comes after a DELETE":   {change{"DELETE", "/d", ""}, []change{{"PUT", "/d", ""}, prop("/d")}, "/d"},
		"and a MOVE of what was moved":   {change{"MOVE", "/with", "/n"}, []change{{"MOVE", "/n", "/o"}}, "/o"},
		"and a MOVE over what was moved": {change{"MOVE", "/with", "/n"}, []change{{"MOVE", "/d", "/n"}}, ""},
		"and a DELETE of what was moved": {change{"MOVE", "/with", "/n"}, []change{{"DELETE", "/n", ""}}, ""},
		"and a MOVE of what is copied":   {change{"COPY", "/with", "/n"}, []change{{"MOVE", "/with", "/d/f"}, {"DELETE", "/d/f", ""}}, "/n"},
		"and a DELETE of what is copied": {change{"COPY", "/with", "/n"}, []change{{"DELETE", "/with", ""}}, "/n"},
	} {
		for _, kept := range []string{"by the file system", "by the handler"} {
			t.Run(name+"/"+kept, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					files := newCapableFs()
					files.noProperties = kept == "by the handler"
					step := func(string, string) {}
					h, err := NewHandler(&steppedFs{files, func(op, name string) { step(op, name) }})
					if err != nil {
						t.Fatal(err)
					}
					defer h.Close()
					send := func(c change) {
						body := ""
						switch c.method {
						case "PROPPATCH":
							body = setProperty("p", "kept")
						case "PUT":
							body = "x"
						}
						req := httptest.NewRequest(c.method, c.at, strings.NewReader(body))
						req.Host = "localhost"
						if c.to != "" {
							req.Header.Set("Destination", c.to)
						}
						w := httptest.NewRecorder()
						h.ServeHTTP(w, req)
						if c.method == "PROPPATCH" && !strings.Contains(w.Body.String(), " 200 ") && w.Code != http.StatusNotFound || w.Code >= 400 && w.Code != http.StatusNotFound {
							t.Errorf("%v is answered %d: %s", c, w.Code, w.Body)
						}
					}
					for _, folder := range []string{"/d", "/d/sub", "/e"} {
						send(change{method: "MKCOL", at: folder})
					}
					for _, file := range []string{"/d/f", "/d/sub/f", "/e/f", "/with"} {
						send(change{method: "PUT", at: file})
					}
					if test.first.method != "PROPPATCH" && test.first.at == "/with" {
						send(prop("/with"))
					}

					var others sync.WaitGroup
					begin := sync.OnceFunc(func() {
						others.Go(func() {
							for _, c := range test.beside {
								send(c)
							}
						})
						synctest.Wait() // until the others have ended, or wait for this one
					})
					step = func(op, name string) {
						if op == test.first.method && name == test.first.at {
							begin()
						}
					}
					send(test.first)
					others.Wait()

					var found []string
					for at, node := range files.nodes {
						if node.props["{urn:n}p"] != "" || h.props.Get(at)["{urn:n}p"] != "" {
							found = append(found, at)
						}
					}
					for _, at := range []string{"/d", "/d/f", "/d/sub/f", "/e/f", "/n", "/n/f", "/with"} {
						if _, there := files.nodes[at]; !there && h.props.Get(at) != nil {
							t.Errorf("the property is kept for %s, where there is nothing", at)
						}
					}
					if got := strings.Join(found, " "); got != test.has {
						t.Errorf("the property is with %q, want %q", got, test.has)
					}
				})
			})
		}
	}
}

// A file system that panics leaves no name reserved.
func TestPanicReleasesNames(t *testing.T) {
	for op, request := range map[string]struct{ method, at, to string }{
		"put":           {"PUT", "/f", ""},
		"delete":        {"DELETE", "/f", ""},
		"mkdir":         {"MKCOL", "/n", ""},
		"copy":          {"COPY", "/f", "/n"},
		"move":          {"MOVE", "/f", "/n"},
		"setproperties": {"PROPPATCH", "/f", ""},
		"stat":          {"LOCK", "/f", ""},
	} {
		t.Run(request.method, func(t *testing.T) {
			files := newCapableFs()
			if _, err := files.Put("/f", strings.NewReader("x"), -1, time.Time{}, "", false); err != nil {
				t.Fatal(err)
			}
			h, err := NewHandler(files)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			files.setFail(func(called, _ string) error {
				if called == op {
					panic("of the file system")
				}
				return nil
			})
			body := map[string]string{"PUT": "x", "PROPPATCH": setProperty("p", "v"), "LOCK": lockBody}[request.method]
			req := httptest.NewRequest(request.method, request.at, strings.NewReader(body))
			req.Host = "localhost"
			req.Header.Set("Destination", request.to)
			func() {
				defer func() {
					if recover() == nil {
						t.Error("it did not panic")
					}
				}()
				h.ServeHTTP(httptest.NewRecorder(), req)
			}()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			all, err := h.locks.Reserve(ctx, lock.Name{Path: "/", Tree: true, Lock: true})
			if err != nil {
				t.Fatal(err)
			}
			all.Release()
		})
	}
}
