package webdav_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav"
)

// A folder of this machine, for two users, one of whom may only read.
func ExampleNewHandler() {
	fs := afero.NewMemMapFs() // or afero.NewBasePathFs(afero.NewOsFs(), "/srv/share")
	handler, err := webdav.NewHandler(fs,
		webdav.WithPrefix("/dav"),
		webdav.WithUsers(
			webdav.User{Name: "anna", Verify: webdav.PlainPassword("secret")},
			webdav.User{Name: "guest", Verify: webdav.PlainPassword("guest"), ReadOnly: true},
		))
	if err != nil {
		log.Fatal(err)
	}
	defer handler.Close()
	server := httptest.NewServer(handler) // or http.ListenAndServeTLS
	defer server.Close()

	for _, user := range []string{"guest", "anna"} {
		req, err := http.NewRequest("PUT", server.URL+"/dav/notes.txt", strings.NewReader("milk"))
		if err != nil {
			log.Fatal(err)
		}
		req.SetBasicAuth(user, map[string]string{"anna": "secret", "guest": "guest"}[user])
		res, err := server.Client().Do(req)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			log.Fatal(err)
		}
		res.Body.Close()
		fmt.Println(user, res.Status)
	}
	// Output:
	// guest 403 Forbidden
	// anna 201 Created
}
