package page

import (
	"io/fs"
	"net/http"
	"time"

	"github.com/davdisk/davdisk/webdav"
)

// statusError is an answer other than success that the page itself decided.
type statusError struct {
	code   int
	reason string
}

var _ webdav.HTTPStatuser = statusError{}

func (e statusError) Error() string { return e.reason }

// HTTPStatus implements webdav.HTTPStatuser.
func (e statusError) HTTPStatus() (code int, retryAfter time.Duration) { return e.code, 0 }

// refuse returns an error with a reason that the client may read.
func refuse(code int, reason string) error {
	return &fs.PathError{Op: "page", Path: webdav.PagePath, Err: statusError{code, reason}}
}

func notFound(name string) error {
	return &fs.PathError{Op: "page", Path: name, Err: statusError{http.StatusNotFound, "no such page"}}
}
