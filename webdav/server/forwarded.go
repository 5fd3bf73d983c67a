package server

import (
	"net/http"
	"net/netip"
	"strings"
)

// forwarded finds out where a request comes from, so that every layer and the
// handler read it in RemoteAddr, and takes X-Forwarded-Host off a request that
// no trusted proxy has sent.
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
				out.RemoteAddr = netip.AddrPortFrom(client, 0).String() // nobody forwards the port
			}
			if !proxies.trust(peer) {
				out.Header = req.Header.Clone()
				out.Header.Del("X-Forwarded-Host")
			}
			next.ServeHTTP(w, &out)
		})
	}
}

// clientAddr is the address that a request comes from. The zero address means
// that it is not known.
func clientAddr(req *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// trustedProxies are the networks whose forwarding headers are believed.
type trustedProxies []netip.Prefix

// trust reports whether an address is one of them.
func (t trustedProxies) trust(addr netip.Addr) bool {
	for _, prefix := range t {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// client is the address that a request comes from: that of the connection, or
// if that is a trusted proxy, the last one in X-Forwarded-For that is none.
// What stands before it there is hearsay, and anybody may have sent it. The
// zero address means that it cannot be told.
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

// parseHop reads one entry of X-Forwarded-For, which some proxies write with a
// port.
func parseHop(hop string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	return addr.Unmap().WithZone(""), err
}
