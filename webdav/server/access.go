package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// checkAccess keeps foreign web pages out of a share that asks for no password.
// Such a share listens on the loopback, where any page in the user's browser
// can send requests. Two ways are closed:
//
//   - A page may give its own host name the address of the loopback (DNS
//     rebinding); the browser then lets it read the answers. So a Host that is
//     neither a loopback name nor the bound address nor that of the public
//     address gets 421.
//   - A page may send a change that it cannot read the answer of. The browser
//     tells where it comes from, in Sec-Fetch-Site and Origin; from elsewhere
//     it gets 403. Programs that are no browsers send neither.
//
// And it may show a file of the share as a picture of its own to learn whether
// it exists: Cross-Origin-Resource-Policy keeps the browser from that.
//
// The Host is judged as it arrived, never by X-Forwarded-Host, which a page
// may set on requests to its own host name.
func checkAccess(bound []string, public *url.URL) func(http.Handler) http.Handler {
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
		// The error can only be that the address is none, which is checked
		// where it is set; then nothing more is trusted.
		_ = origin.AddTrustedOrigin(public.Scheme + "://" + public.Host)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !isOwnHost(hostname(req.Host), names) {
				refuse(w, http.StatusMisdirectedRequest, "this host name is not served here; --public-url makes that of a share known")
				return
			}
			if err := origin.Check(req); err != nil {
				refuse(w, http.StatusForbidden, "a web page from elsewhere may not do that")
				return
			}
			w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
			next.ServeHTTP(w, req)
		})
	}
}

// isOwnHost reports whether a Host is one of names or of the loopback. No Host
// at all is HTTP/1.0, which no browser speaks. When all addresses are listened
// on, any address will do, since rebinding needs a name.
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

// isLocalhost tells the names that mean the loopback everywhere: RFC 6761,
// section 6.3.
func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// hostname takes the port off a Host, and the brackets off an IPv6 address.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}
