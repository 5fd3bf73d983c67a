package server_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

// A folder of this machine, for two users, one of whom may only read.
func ExampleNew() {
	fs := afero.NewMemMapFs() // or afero.NewBasePathFs(afero.NewOsFs(), "/srv/share")
	dav, err := webdav.NewHandler(fs, webdav.WithPrefix("/dav"))
	if err != nil {
		log.Fatal(err)
	}
	defer dav.Close()
	handler, err := server.New(dav, server.WithUsers(
		server.User{Name: "anna", Verify: server.PlainPassword("secret")},
		server.User{Name: "guest", Verify: server.PlainPassword("guest"), ReadOnly: true},
	))
	if err != nil {
		log.Fatal(err)
	}
	srv := httptest.NewServer(handler) // or http.ListenAndServeTLS
	defer srv.Close()

	for _, user := range []string{"guest", "anna"} {
		req, err := http.NewRequest("PUT", srv.URL+"/dav/notes.txt", strings.NewReader("milk"))
		if err != nil {
			log.Fatal(err)
		}
		req.SetBasicAuth(user, map[string]string{"anna": "secret", "guest": "guest"}[user])
		res, err := srv.Client().Do(req)
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
