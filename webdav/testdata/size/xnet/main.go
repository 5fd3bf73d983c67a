// Serves files in memory, by x/net.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/spf13/afero"
	"golang.org/x/net/webdav"
)

type aferoFS struct{ afero.Fs }

func (a aferoFS) Mkdir(_ context.Context, name string, perm os.FileMode) error {
	return a.Fs.Mkdir(name, perm)
}
func (a aferoFS) OpenFile(_ context.Context, name string, flag int, perm os.FileMode) (webdav.File, error) {
	return a.Fs.OpenFile(name, flag, perm)
}
func (a aferoFS) RemoveAll(_ context.Context, name string) error           { return a.Fs.RemoveAll(name) }
func (a aferoFS) Rename(_ context.Context, from, to string) error          { return a.Fs.Rename(from, to) }
func (a aferoFS) Stat(_ context.Context, name string) (os.FileInfo, error) { return a.Fs.Stat(name) }

func main() {
	handler := &webdav.Handler{FileSystem: aferoFS{afero.NewMemMapFs()}, LockSystem: webdav.NewMemLS()}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}
