package webdav_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

// A handler for files in memory; afero.NewBasePathFs(afero.NewOsFs(),
// "/srv/share") would be a folder of this machine.
func ExampleNewHandler() {
	fs := afero.NewMemMapFs()
	if err := afero.WriteFile(fs, "/notes.txt", []byte("milk"), 0o600); err != nil {
		log.Fatal(err)
	}
	handler, err := webdav.NewHandler(fs)
	if err != nil {
		log.Fatal(err)
	}
	defer handler.Close()
	server := httptest.NewServer(handler) // or http.ListenAndServe("127.0.0.1:8080", handler)
	defer server.Close()

	res, err := http.Get(server.URL + "/notes.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status, string(content))
	// Output:
	// 200 OK milk
}

// A server on golang.org/x/net/webdav moves here by one changed line: the
// handler it had was
//
//	&xdav.Handler{Prefix: "/dav", FileSystem: fs, LockSystem: xdav.NewMemLS()}
func ExampleNew() {
	var fs xdav.FileSystem = xdav.NewMemFS() // or xdav.Dir("/srv/share")
	handler, err := webdav.New(fs, webdav.WithPrefix("/dav"))
	if err != nil {
		log.Fatal(err)
	}
	defer handler.Close()
	server := httptest.NewServer(handler)
	defer server.Close()

	for _, request := range []struct{ method, path, ifMatch string }{
		{"PUT", "/dav/notes.txt", ""},
		{"PUT", "/dav/notes.txt", `"of another version"`}, // x/net's handler would store this
		{"GET", "/dav/notes.txt", ""},
	} {
		req, err := http.NewRequest(request.method, server.URL+request.path, strings.NewReader("milk"))
		if err != nil {
			log.Fatal(err)
		}
		if request.ifMatch != "" {
			req.Header.Set("If-Match", request.ifMatch)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			log.Fatal(err)
		}
		res.Body.Close()
		fmt.Println(request.method, res.Status)
	}
	// Output:
	// PUT 201 Created
	// PUT 412 Precondition Failed
	// GET 200 OK
}

// The file system of davdisk, or any other of afero, under the handler of
// golang.org/x/net/webdav, with locks that survive a restart.
func ExampleFromAfero() {
	fs, err := vfs.New(memory.New(memory.Options{}))
	if err != nil {
		log.Fatal(err)
	}
	defer fs.Close()
	dir, err := os.MkdirTemp("", "locks-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	locks, err := webdav.NewLockSystem(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer locks.(io.Closer).Close()
	server := httptest.NewServer(&xdav.Handler{FileSystem: webdav.FromAfero(fs), LockSystem: locks})
	defer server.Close()

	req, err := http.NewRequest("PUT", server.URL+"/notes.txt", strings.NewReader("milk"))
	if err != nil {
		log.Fatal(err)
	}
	res, err := server.Client().Do(req)
	if err != nil {
		log.Fatal(err)
	}
	res.Body.Close()
	content, err := afero.ReadFile(fs, "/notes.txt")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status, string(content))
	// Output:
	// 201 Created milk
}
