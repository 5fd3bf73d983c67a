package server

import (
	"net/http"
	"net/netip"
	"strings"
)

// forwarded sets RemoteAddr to the client's address for all other layers and
// the handler, and removes X-Forwarded-Host from a request that no trusted
// proxy has sent.
func forwarded(proxies trustedProxies) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			peer, client := clientAddr(req), proxies.client(req)
			if _, names := req.Header["X-Forwarded-Host"]; peer == client && !names {
				next.ServeHTTP(w, req)
				return
			}
			out := *req
			if peer != client {
				out.RemoteAddr = netip.AddrPortFrom(client, 0).String() // the port is not forwarded
			}
			if !proxies.trust(peer) {
				out.Header = req.Header.Clone()
				out.Header.Del("X-Forwarded-Host")
			}
			next.ServeHTTP(w, &out)
		})
	}
}

// clientAddr returns the address of the client, zero if unknown.
func clientAddr(req *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// trustedProxies are the networks whose forwarding headers are trusted.
type trustedProxies []netip.Prefix

// trust reports whether an address is in one of them.
func (t trustedProxies) trust(addr netip.Addr) bool {
	for _, prefix := range t {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address of the client: that of the connection or, if that
// is a trusted proxy, the last one in X-Forwarded-For that is not. Entries
// before it may be forged. It returns the zero address if unknown.
func (t trustedProxies) client(req *http.Request) netip.Addr {
	addr := clientAddr(req)
	hops := strings.Split(strings.Join(req.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && t.trust(addr); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop
	}
	return addr
}

// parseHop parses one entry of X-Forwarded-For, to which some proxies add a
// port.
func parseHop(hop string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	return addr.Unmap().WithZone(""), err
}
