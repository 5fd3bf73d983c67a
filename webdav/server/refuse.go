package server

import (
	"net/http"
	"strconv"
	"strings"
)

// retrySoon is the Retry-After of a 503, in seconds.
const retrySoon = "5"

// unavailable responds with 503, to a person by page if it is not nil.
func unavailable(w http.ResponseWriter, req *http.Request, page errorPage, reason string) {
	if page == nil || !isNavigation(req) {
		refuse(w, http.StatusServiceUnavailable, reason)
		return
	}
	w.Header().Set("Retry-After", retrySoon)
	page(w, req, http.StatusServiceUnavailable, reason)
}

// refuse responds to a request that does not reach the handler. reason is
// for people.
func refuse(w http.ResponseWriter, status int, reason string) {
	body := strings.ToLower(http.StatusText(status)) + ": " + reason + "\n"
	h := w.Header()
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retrySoon)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
