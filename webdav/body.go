package webdav

import (
	"errors"
	"io"
	"net/http"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// xmlBody is the body of a request that is XML, bounded.
func (r *request) xmlBody() io.Reader {
	return http.MaxBytesReader(nil, r.Body, r.handler.opts.limits.XML)
}

// badXML is the answer to a body that is not the XML that is wanted.
func badXML(err error) error {
	if errors.Is(err, davxml.ErrExternal) {
		return &refusal{
			status: http.StatusForbidden, reason: err.Error(), cause: err,
			precondition: davxml.Precondition{Name: davxml.NoExternalEntities},
		}
	}
	if errors.Is(err, davxml.ErrInvalid) {
		return &refusal{status: http.StatusBadRequest, reason: err.Error(), cause: err}
	}
	if errors.Is(err, davxml.ErrTooLarge) {
		return err
	}
	return bodyFailure(err)
}

// hasBody tells whether a request has a body, also one of unknown length: the
// first byte of that decides.
func (r *request) hasBody() bool {
	if r.ContentLength >= 0 {
		return r.ContentLength > 0
	}
	n, _ := r.Body.Read(make([]byte, 1))
	return n > 0
}
