package webdav_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/spf13/afero"

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
