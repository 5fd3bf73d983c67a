package cmd

import (
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/state"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

func (h *share) handlerOptions() ([]webdav.Option, error) {
	c := h.s.c
	litter, err := webdav.ParseLitterMode(c.String("litter"))
	if err != nil {
		return nil, misuse("--litter: %v", err)
	}
	options := []webdav.Option{webdav.WithLitter(litter)}
	if prefix := c.String("base-url"); prefix != "" {
		if u, err := url.Parse(prefix); err != nil || u.Host != "" || strings.Contains(prefix, "..") || u.RawQuery != "" {
			return nil, misuse("--base-url: %q is not a path; write /files", prefix)
		}
		options = append(options, webdav.WithPrefix(prefix))
	}
	if public := c.String("public-url"); public != "" {
		if u, err := url.Parse(public); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, misuse("--public-url: %q is no address; write https://host/path", public)
		}
		options = append(options, webdav.WithPublicURL(public))
	}
	if c.Bool("read-only") {
		options = append(options, webdav.WithReadOnly())
	}
	if c.Bool("no-quota") {
		options = append(options, webdav.WithoutQuota())
	}
	switch bound := c.Int("depth-infinity"); {
	case bound < 0:
		return nil, misuse("--depth-infinity: %d is no number of names; write 10000, or 0 to refuse such listings", bound)
	case bound > 0:
		options = append(options, webdav.WithDepthInfinity(bound))
	}
	return options, nil
}

func (h *share) serverOptions() ([]server.Option, error) {
	c := h.s.c
	proxies, err := parsePrefixes(c.StringSlice("trusted-proxy"))
	if err != nil {
		return nil, err
	}
	options := []server.Option{server.WithBoundAddr(h.listener.Addr().String()), server.WithTrustedProxies(proxies)}
	for _, domain := range c.StringSlice("tls-acme") {
		options = append(options, server.WithBoundAddr(domain))
	}
	if public := c.String("public-url"); public != "" {
		options = append(options, server.WithPublicURL(public)) // which handlerOptions has checked
	}
	if origins := c.StringSlice("allow-origin"); len(origins) > 0 {
		allowed := server.WithAllowedOrigins(origins...)
		if _, err := server.New(http.NotFoundHandler(), allowed); err != nil {
			return nil, misuse("--allow-origin: %v", err)
		}
		options = append(options, allowed)
	}
	if c.Bool("verbose") || c.String("log-format") == "json" {
		options = append(options, server.WithAccessLog(h.s.log))
	}
	if addr := c.String("admin-addr"); addr != "" {
		if h.admin, err = startAdmin(c.Context, addr, h.s.log); err != nil {
			return nil, err
		}
		options = append(options, server.WithObserver(h.admin.Observe))
	}
	return options, nil
}

func (h *share) stackOptions() (stackOptions, error) {
	c := h.s.c
	size, err := terminal.ParseSize(c.String("cache-size"))
	if err != nil {
		return stackOptions{}, misuse("--cache-size: %v", err)
	}
	spool, err := terminal.ParseSize(c.String("spool-size"))
	if err != nil || spool <= 0 {
		return stackOptions{}, misuse("--spool-size: want a size above 0, not %q", c.String("spool-size"))
	}
	o := stackOptions{
		address: h.address, spoolSize: spool, stateDir: h.s.stateDir, cacheDir: c.String("cache-dir"), cacheSize: size,
		dirTime: c.Duration("dir-cache-time"), dirCount: c.Int("dir-cache-entries"), poll: c.Duration("poll-interval"), log: h.s.log,
		writeBack: c.Bool("write-back"), transfers: c.Int("transfers-per-file"),
	}
	if o.transfers < 1 || o.transfers > 8 {
		return stackOptions{}, misuse("--transfers-per-file must be 1 to 8")
	}
	if o.dirTime < 0 || o.poll < 0 || o.dirCount <= 0 {
		return stackOptions{}, misuse("--dir-cache-time and --poll-interval must not be negative, --dir-cache-entries must be above 0")
	}
	if o.writeBack && o.stateDir == "" {
		return stackOptions{}, misuse("--write-back needs a state folder to keep uploads in; name one with --state-dir")
	}
	o.address += h.mounts
	if _, _, remote := backend.SplitAddress(h.address); !remote {
		if o.address, err = filepath.Abs(h.address); err != nil {
			return stackOptions{}, err
		}
		if o.writeBack {
			return stackOptions{}, misuse("--write-back is for remotes: %s is on this machine's disk at once", h.address)
		}
		return o, nil // what is on this machine is not kept a second time
	}
	switch {
	case o.cacheDir != "":
	case h.trial != nil:
		o.cacheDir = filepath.Join(o.stateDir, "cache")
	default:
		o.cacheDir = state.DefaultCacheDir()
	}
	return o, nil
}

func parsePrefixes(texts []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, misuse("--trusted-proxy: %q is no network; write 10.0.0.0/8", text)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}
