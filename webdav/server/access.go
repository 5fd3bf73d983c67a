package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// checkAccess keeps other web sites out of a share without a password. Such a
// share listens on the loopback, where any page in the user's browser can send
// requests. It prevents two attacks:
//
//   - A page may resolve its own host name to the loopback (DNS
//     rebinding); the browser then lets it read the responses. So a Host that is
//     neither a loopback name nor the bound address nor that of the public
//     address gets 421.
//   - A page may send a change whose response it cannot read. The browser
//     sends the origin in Sec-Fetch-Site and Origin; a foreign one
//     gets 403, unless it is allowed. Programs other than browsers send neither.
//
// A page may also embed a file of the share as an image to learn whether it
// exists: Cross-Origin-Resource-Policy prevents that.
//
// The Host is checked as received, never by X-Forwarded-Host, which a page
// may set on requests to its own host name.
func checkAccess(bound []string, public *url.URL, origins []string) func(http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	if len(bound) == 0 {
		bound = []string{""} // it is not known, and may be any
	}
	var names []string
	for _, addr := range bound {
		names = append(names, hostname(addr))
	}
	if public != nil {
		names = append(names, public.Hostname())
		// An error means an invalid URL, which was checked when it was set;
		// then no origin is added.
		_ = origin.AddTrustedOrigin(public.Scheme + "://" + public.Host)
	}
	for _, allowed := range origins {
		_ = origin.AddTrustedOrigin(allowed) // checked too
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !isOwnHost(hostname(req.Host), names) {
				refuse(w, http.StatusMisdirectedRequest, "this host name is not served here; --public-url makes that of a share known")
				return
			}
			if err := origin.Check(req); err != nil {
				refuse(w, http.StatusForbidden, "a web page of another origin may not do that")
				return
			}
			w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
			next.ServeHTTP(w, req)
		})
	}
}

// isOwnHost reports whether a Host is one of names or of the loopback. A
// missing Host is HTTP/1.0, which no browser uses. If the server listens on all
// addresses, any IP address is accepted, since rebinding needs a name.
func isOwnHost(host string, names []string) bool {
	addr, err := netip.ParseAddr(host)
	if err == nil && addr.IsLoopback() || host == "" || isLocalhost(host) {
		return true
	}
	for _, name := range names {
		bound, boundErr := netip.ParseAddr(name)
		everywhere := name == "" || boundErr == nil && bound.IsUnspecified()
		if name != "" && strings.EqualFold(name, host) || everywhere && err == nil {
			return true
		}
	}
	return false
}

// isLocalhost reports whether a name always resolves to the loopback: RFC
// 6761, section 6.3.
func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// hostname removes the port from a Host, and the brackets from an IPv6 address.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}
