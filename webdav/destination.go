package webdav

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// destination returns the name in the Destination header of COPY and MOVE (RFC
// 4918 section 10.3). It may be a URL or an absolute path. A URL must be on
// this server, as the client knows it: 502 if not. The scheme does not matter,
// because a proxy may terminate TLS. A trailing slash does not matter: by RFC
// 4918 section 9.8.4 a file may replace a folder and vice versa.
func (r *request) destination() (name string, err error) {
	headers := r.Header.Values("Destination")
	if len(headers) != 1 {
		return "", refuse(http.StatusBadRequest, "one Destination header is needed")
	}
	decoded, err := r.handler.pathOf(r.Request, headers[0])
	if err != nil {
		return "", err
	}
	if name, _, err = cleanPath(decoded); err != nil {
		return "", err
	}
	if _, serves := r.handler.opts.page.(PageServer); serves && (name == PagePath || strings.HasPrefix(name, PagePath+"/")) {
		return "", errPagePath
	}
	return r.resolve(path.Join(r.root, name)), nil
}

// pathOf returns the decoded path below the prefix of a URL or an absolute path
// in a header. User information in the URL is ignored: lftp writes its
// credentials into Destination. A query or a fragment is refused: it is part of
// a name that was not escaped, and ignoring it would address another resource.
func (h *Handler) pathOf(req *http.Request, reference string) (string, error) {
	u, err := url.Parse(reference)
	if err != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return "", refuse(http.StatusBadRequest, "not a URL or an absolute path")
	}
	if strings.ContainsAny(reference, "?#") {
		return "", refuse(http.StatusBadRequest, "a ? or # in a name is written %3F or %23")
	}
	if u.Host == "" && (u.Scheme != "" || strings.HasPrefix(reference, "//")) {
		return "", refuse(http.StatusBadRequest, "a URL without a host")
	}
	// A client of the public address sends its prefix, one that bypasses
	// the proxy the other; a path alone may have either.
	var prefixes []string
	switch {
	case u.Host == "":
		prefixes = []string{h.publicPrefix(), h.opts.prefix}
	case h.isPublic(req, u.Host):
		prefixes = []string{h.publicPrefix()}
	case sameHost(req.Host, u.Host):
		prefixes = []string{h.opts.prefix}
	default:
		return "", refuse(http.StatusBadGateway, "the destination is another server")
	}
	for _, prefix := range prefixes {
		if rest, err := stripPrefix(u.Path, prefix); err == nil {
			return rest, nil
		}
	}
	return "", refuse(http.StatusBadGateway, "the destination is outside of the share")
}

// isPublic reports whether host is this server's public host: that of the
// public address, or one in X-Forwarded-Host. A forged header does no harm,
// because the client could send a path alone instead. webdav/server removes it
// all the same unless a trusted proxy has sent it.
func (h *Handler) isPublic(req *http.Request, host string) bool {
	if h.opts.public != nil && sameHost(h.opts.public.Host, host) {
		return true
	}
	for name := range strings.SplitSeq(req.Header.Get("X-Forwarded-Host"), ",") {
		if sameHost(strings.TrimSpace(name), host) {
			return true
		}
	}
	return false
}

// sameHost compares hosts as proxies leave them: case-insensitively, and a
// missing port (the default one, or dropped by a proxy) matches any.
func sameHost(a, b string) bool {
	ua, ub := &url.URL{Host: a}, &url.URL{Host: b}
	if a == "" || !strings.EqualFold(ua.Hostname(), ub.Hostname()) {
		return false
	}
	return ua.Port() == ub.Port() || isDefaultPort(ua.Port()) || isDefaultPort(ub.Port())
}

func isDefaultPort(port string) bool { return port == "" || port == "80" || port == "443" }
