package webdav

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// xmlBody is the body of a request that is XML, bounded.
func (r *request) xmlBody() io.Reader {
	return http.MaxBytesReader(nil, r.Body, r.handler.opts.maxXML)
}

// needPlainBody refuses a body that is encoded (RFC 9110 section 8.4): nothing
// here would decode it, so a file would be stored as something else.
func (r *request) needPlainBody() error {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if r.ContentLength != 0 && encoding != "" && !strings.EqualFold(encoding, "identity") {
			return refuse(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
		}
	}
	return nil
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

// needNoBody refuses a request that has a body, also one of unknown length: the
// first byte of that decides. One that breaks off before may have been meant
// otherwise.
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
