package webdav

import (
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// destination gives the name that the Destination header of COPY and MOVE
// (RFC 4918 section 10.3) means. It may be a URL or an absolute path. A URL
// must be on this server, as the client knows it: 502 if not. The scheme does
// not matter, because a proxy may have taken TLS off.
// Whether it ends in a slash does not matter: RFC 4918 section 9.8.4 has a file
// take the place of a folder and the other way round.
func (r *request) destination() (name string, err error) {
	header := r.Header.Get("Destination")
	if header == "" {
		return "", refuse(http.StatusBadRequest, "the Destination header is missing")
	}
	decoded, err := r.handler.pathOf(r.Request, header)
	if err != nil {
		return "", err
	}
	if name, _, err = cleanPath(decoded); err != nil {
		return "", err
	}
	return r.resolve(path.Join(r.root, name)), nil
}

// pathOf gives the decoded path below the prefix that a URL or an absolute
// path in a header means. A user in the URL does not matter: lftp writes its
// credentials into Destination.
func (h *Handler) pathOf(req *http.Request, reference string) (string, error) {
	u, err := url.Parse(reference)
	if err != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return "", refuse(http.StatusBadRequest, "not a URL or an absolute path")
	}
	if u.Host == "" && (u.Scheme != "" || strings.HasPrefix(reference, "//")) {
		return "", refuse(http.StatusBadRequest, "a URL without a host")
	}
	if u.Host != "" && !h.isOurs(req, u.Host) {
		return "", refuse(http.StatusBadGateway, "the destination is another server")
	}
	for _, prefix := range []string{h.publicPrefix(), h.opts.prefix} {
		if rest, err := stripPrefix(u.Path, prefix); err == nil {
			return rest, nil
		}
	}
	return "", refuse(http.StatusBadGateway, "the destination is outside of the share")
}

// isOurs tells whether host is a name of this server: the Host of the request,
// the forwarded one of a trusted proxy, or that of the public address.
func (h *Handler) isOurs(req *http.Request, host string) bool {
	names := []string{req.Host}
	if h.opts.public != nil {
		names = append(names, h.opts.public.Host)
	}
	if peer, err := netip.ParseAddrPort(req.RemoteAddr); err == nil && h.opts.proxies.trust(peer.Addr().Unmap()) {
		for name := range strings.SplitSeq(req.Header.Get("X-Forwarded-Host"), ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	for _, name := range names {
		if sameHost(name, host) {
			return true
		}
	}
	return false
}

// sameHost compares hosts as proxies leave them: without regard to case, and a
// port that one side does not tell (because it is that of the scheme, or a
// proxy dropped it) fits any.
func sameHost(a, b string) bool {
	ua, ub := &url.URL{Host: a}, &url.URL{Host: b}
	if a == "" || !strings.EqualFold(ua.Hostname(), ub.Hostname()) {
		return false
	}
	return ua.Port() == ub.Port() || isDefaultPort(ua.Port()) || isDefaultPort(ub.Port())
}

func isDefaultPort(port string) bool { return port == "" || port == "80" || port == "443" }
