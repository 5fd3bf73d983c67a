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
	if errors.Is(err, davxml.ErrInvalid) {
		return &refusal{status: http.StatusBadRequest, reason: err.Error(), cause: err}
	}
	if errors.Is(err, davxml.ErrTooLarge) {
		return err
	}
	return bodyFailure(err)
}
