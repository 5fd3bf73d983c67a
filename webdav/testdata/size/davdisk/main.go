// Serves files in memory, by davdisk.
package main

import (
	"log"
	"net/http"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav"
)

func main() {
	handler, err := webdav.NewHandler(afero.NewMemMapFs())
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}
