package cmd

import (
	"net"
	"net/http"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/webdav"
)

// takeTurns tells the store for which client each call is made, so that clients
// take turns where its rate is limited: the user, or else the address.
func takeTurns(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		next.ServeHTTP(w, req.WithContext(backend.WithClient(req.Context(), clientOf(req))))
	})
}

// clientOf names the client of a request. Users and addresses have names of
// their own kinds.
func clientOf(req *http.Request) string {
	if user, ok := webdav.PrincipalFromContext(req.Context()); ok && user.Name != "" {
		return "user " + user.Name
	}
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		host = req.RemoteAddr
	}
	return "address " + host
}
