package webdav

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// xmlBody returns the XML body of a request, limited in size.
func (r *request) xmlBody() io.Reader {
	return http.MaxBytesReader(nil, r.Body, r.handler.opts.maxXML)
}

// needPlainBody refuses a body with a Content-Encoding (RFC 9110 section 8.4):
// it would be stored encoded.
func (r *request) needPlainBody() error {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if r.ContentLength != 0 && encoding != "" && !strings.EqualFold(encoding, "identity") {
			return refuse(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
		}
	}
	return nil
}

// badXML returns the error for a body that is not the expected XML.
func badXML(err error) error {
	if errors.Is(err, davxml.ErrExternal) {
		return &statusError{
			status: http.StatusForbidden, reason: err.Error(), cause: err,
			precondition: davxml.Precondition{Name: davxml.NoExternalEntities},
		}
	}
	if errors.Is(err, davxml.ErrInvalid) {
		return &statusError{status: http.StatusBadRequest, reason: err.Error(), cause: err}
	}
	if errors.Is(err, davxml.ErrTooLarge) {
		return err
	}
	return bodyFailure(err)
}

// needNoBody refuses a request with a body. A body of unknown length is read up
// to its first byte; if it breaks off before, the request is refused too.
func (r *request) needNoBody() error {
	refused := refuse(http.StatusUnsupportedMediaType, "this method takes no body")
	if r.ContentLength >= 0 {
		if r.ContentLength > 0 {
			return refused
		}
		return nil
	}
	n, err := r.Body.Read(make([]byte, 1))
	switch {
	case n > 0:
		return refused
	case err != io.EOF:
		return bodyFailure(err)
	}
	return nil
}
