package webdav

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/afero"
)

// get serves GET and HEAD. [http.ServeContent] is not used, because it sends
// the header before the first byte is read: a fault of the store would become a
// 200 with a broken body. Here the header waits for the first byte.
func (h *Handler) get(w http.ResponseWriter, r *request) error {
	info, err := h.serveOnce(w, r)
	if info != nil && mayHaveChanged(err) {
		// Other content may have been stored between stat and read. If so,
		// evaluate the conditions again and serve that; twice in a row is an
		// error.
		now, lookErr := r.files.stat(r.name)
		if lookErr == nil && entityTag(now) != entityTag(info) {
			_, err = h.serveOnce(w, r)
		}
	}
	switch {
	case errors.Is(err, errNotModified):
		w.WriteHeader(http.StatusNotModified)
		return nil
	case isUnavailable(err):
		return err // which says why
	case mayHaveChanged(err):
		return &statusError{status: http.StatusServiceUnavailable, reason: "the file cannot be read at the moment", cause: err}
	}
	return err
}

// isUnavailable reports whether an error is 503 by the file system's own word.
func isUnavailable(err error) bool {
	var s HTTPStatuser
	if !errors.As(err, &s) {
		return false
	}
	code, _ := s.HTTPStatus()
	return code == http.StatusServiceUnavailable
}

// mayHaveChanged reports whether a read error can mean that the content has
// changed since the file was opened: 412 or 503.
func mayHaveChanged(err error) bool {
	if err == nil {
		return false
	}
	var s HTTPStatuser
	if !errors.As(err, &s) {
		return false
	}
	code, _ := s.HTTPStatus()
	return code == http.StatusPreconditionFailed || code == http.StatusServiceUnavailable
}

// serveOnce serves the file, or returns an error before it has written anything,
// with the info if it got so far.
func (h *Handler) serveOnce(w http.ResponseWriter, r *request) (fs.FileInfo, error) {
	file, err := r.files.open(r.name)
	if err != nil {
		if !isMissing(err) {
			return nil, err
		}
		info := r.placeholder(r.name)
		if info == nil {
			return nil, errMissing
		}
		return info, serveFile(w, r, nil, info)
	}
	defer file.Close()
	if err := r.files.judge.file(file); err != nil {
		return nil, err
	}
	info, err := r.files.seen(file.Stat())
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, h.folder(w, r)
	}
	return info, serveFile(w, r, file, info)
}

// fileSecurity keeps scripts in a file, such as a web page or an SVG that somebody
// else stored, from running in a browser, and its forms from being sent: both
// would act in the share's origin with the rights of its user.
const fileSecurity = "script-src 'none'; form-action 'none'"

// serveFile sends a file, or the requested part of it.
func serveFile(w http.ResponseWriter, r *request, file afero.File, info fs.FileInfo) error {
	setValidators(w.Header(), info)
	if _, err := r.conditions(info); err != nil {
		return err
	}
	mediaType, err := contentType(info)
	if err != nil {
		return err
	}
	header := w.Header()
	same := []string{"bytes", fileSecurity, "nosniff"} // which Set would allocate one by one
	header["Accept-Ranges"], header["Content-Security-Policy"], header["X-Content-Type-Options"] = same[0:1:1], same[1:2:2], same[2:3:3]
	parts, status := []byteRange{{0, info.Size()}}, http.StatusOK
	if r.Method == http.MethodGet { // Range is only defined for GET (RFC 9110 section 14.2)
		parts, status = wanted(r.Header, info)
	}
	if status == http.StatusRequestedRangeNotSatisfiable {
		header.Set("Content-Range", "bytes */"+contentLength(info))
		header.Set("Content-Length", "0")
		w.WriteHeader(status)
		return nil
	}
	c := newContent(mediaType, info.Size(), parts)
	header.Set("Content-Type", c.mediaType)
	header.Set("Content-Length", strconv.FormatInt(c.length(), 10))
	if status == http.StatusPartialContent && len(parts) == 1 {
		header.Set("Content-Range", parts[0].contentRange(info.Size()))
	}
	if r.Method == http.MethodHead || c.length() == 0 {
		w.WriteHeader(status)
		return nil
	}
	return r.send(w, file, c, status)
}

// setValidators sets the entity tag and the modification time of a response.
func setValidators(h http.Header, info fs.FileInfo) {
	if etag := entityTag(info); etag != "" {
		h.Set("ETag", etag)
	}
	if t := info.ModTime(); !t.IsZero() {
		h.Set("Last-Modified", string(appendHTTPTime(make([]byte, 0, len(http.TimeFormat)), t)))
	}
}

// send sends the header with the first bytes and then the rest. Once the header
// is sent a fault can only be reported by cutting the connection: a body that
// ends early must not look complete.
func (r *request) send(w http.ResponseWriter, file afero.File, c content, status int) error {
	begun := false
	write := func(p []byte) {
		if !begun {
			w.WriteHeader(status)
			begun = true
		}
		if _, err := w.Write(p); err != nil {
			r.handler.clientGone(r, err)
		}
	}
	pooled := r.handler.buffers.get()
	buffer := pooled[:min(int64(cap(pooled)), c.length())]
	at := int64(0)
	for i, part := range c.parts {
		if part.start != at {
			if _, err := file.Seek(part.start, io.SeekStart); err != nil {
				return r.failed(begun, err)
			}
		}
		head := []byte(c.head(i))
		end := part.start + part.length
		var unchanged func() error // since the system sent some of it
		for at = part.start; at < end; {
			n, err := r.read(file, buffer[:min(int64(len(buffer)), end-at)], at-part.start)
			if err != nil && n > 0 {
				write(buffer[:n]) // which came before the fault
			}
			if err == nil && unchanged != nil && at+int64(n) == end {
				err = unchanged() // the end may come from a cache
			}
			if err != nil {
				return r.failed(begun, err)
			}
			if len(head) > 0 {
				write(head)
				head = nil
			}
			write(buffer[:n])
			at += int64(n)
			if at-int64(n) > part.start {
				continue
			}
			var sent int64
			sent, unchanged, err = r.handler.osFiles.send(w, r.Request, file, at, end)
			if at += sent; err == nil && sent > 0 {
				_, err = file.Seek(at, io.SeekStart)
			}
			if err != nil {
				return r.failed(begun, err)
			}
		}
	}
	if c.tail != "" {
		write([]byte(c.tail))
	}
	r.handler.buffers.put(pooled) // not after an error: HTTP/2 may still be sending it
	return nil
}

const (
	sentAsItComes = 1 << 20               // bytes at the start of each part of an answer
	longestFill   = 10 * time.Millisecond // how long bytes are kept back for more to come
)

// read reads what comes next, of which sent bytes have been sent. A store that is
// reached by TLS returns 16 KiB at a time at most. Once it has shown that it goes
// on, as many are sent at once as there is room for, unless it is slow.
func (r *request) read(file io.Reader, p []byte, sent int64) (n int, err error) {
	n, err = io.ReadAtLeast(file, p, 1)
	if sent < sentAsItComes {
		return n, err
	}
	now := r.handler.opts.now
	for end := now().Add(longestFill); err == nil && n < len(p) && now().Before(end); {
		var more int
		more, err = io.ReadAtLeast(file, p[n:], 1)
		n += more
	}
	return n, err
}

// failed is an error of reading a file whose answer may have begun.
func (r *request) failed(begun bool, err error) error {
	if begun {
		r.handler.abort(r, err)
	}
	return err
}
