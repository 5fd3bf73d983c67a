package cmd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/crypto/acme"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/state"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

func (p program) serveCommand() *cli.Command {
	return &cli.Command{
		Name:      "serve",
		Usage:     "serve a remote or a folder over WebDAV",
		ArgsUsage: "[REMOTE:PATH]",
		Description: "   davdisk serve                       # the disk that 'davdisk login' opened\n" +
			"   davdisk serve --demo                # a made-up one, to look around\n" +
			"   davdisk serve yandex:Photos --read-only\n" +
			"   davdisk serve --mount /work=work: --mount /archive=sftp:old\n" +
			"   davdisk serve /srv/data --addr :8443 --user me --pass-file secret --tls-self-signed",
		Flags: append(p.withStores(
			textFlag("addr", "127.0.0.1:8080", "listen on `HOST:PORT`, where port 0 finds a free one, or on the Unix socket unix:/path"),
			switchFlag("demo", "serve a made-up disk; no account is needed"),
			textFlag("demo-dir", "", "keep the made-up disk in `DIR` between runs"),
			textFlag("user", "", "`NAME` that may log in"),
			textFlag("pass-file", "", "`FILE` with the password of --user"),
			textFlag("pass", "", "the `PASSWORD` itself; visible to other users, prefer --pass-file"),
			textFlag("htpasswd", "", "`FILE` of users, as htpasswd -B makes it"),
			textFlag("tls-cert", "", "certificate `FILE` (PEM)"),
			textFlag("tls-key", "", "`FILE` with the key of --tls-cert"),
			listFlag("tls-acme", "obtain a certificate for `DOMAIN` from Let's Encrypt, whose terms you accept by that; its port 443 must lead here; repeatable"),
			textFlag("tls-acme-email", "", "`ADDRESS` that the certificate service may write to"),
			textFlag("tls-acme-directory", acme.LetsEncryptURL, "another service for --tls-acme: the `URL` of its ACME directory"),
			switchFlag("tls-self-signed", "generate a self-signed certificate, for testing"),
			switchFlag("insecure", "allow other machines to connect without a password"),
			textFlag("base-url", "", "serve below this `PATH` instead of /"),
			textFlag("public-url", "", "`URL` that clients use, behind a reverse proxy"),
			listFlag("trusted-proxy", "trust X-Forwarded headers from proxies in `CIDR`"),
			listFlag("allow-origin", "let the scripts of web pages of `ORIGIN` use the share, https://app.example.org; repeatable"),
			listFlag("mount", "serve `MOUNT`, FOLDER=REMOTE:PATH, as a folder of one root; repeatable"),
			switchFlag("read-only", "refuse every change"),
			switchFlag("accept-unsafe-writes", "allow changes in a store that may lose a file when it is replaced"),
			switchFlag("no-quota", "do not report free space: some versions of macOS hang on it"),
			numberFlag("depth-infinity", 0, "allow PROPFIND with Depth: infinity up to `N` names; 0 refuses it"),
			textFlag("litter", "store", "`WHAT` to do with ._*, .DS_Store and the like: store, local or refuse"),
			textFlag("admin-addr", "", "serve /healthz, /readyz and /metrics on `HOST:PORT`, to that host and the loopback names alone"),
			textFlag("cache-dir", "", "cache file content in `DIR`"),
			textFlag("cache-size", "1G", "maximum `SIZE` of the content cache; 0 disables it"),
			textFlag("spool-size", "4G", "maximum `SIZE` of uploads held at once on their way to the store; beyond it they wait, or get 503"),
			durationFlag("dir-cache-time", time.Minute, "cache listings for `TIME` if the store does not report changes; those of a local folder are not cached"),
			numberFlag("dir-cache-entries", 100_000, "cache up to `N` names"),
			numberFlag("transfers-per-file", 4, "fetch a file of 16 MiB and more in up to `N` transfers at a time, 1 to 8, where the store limits the rate of each"),
			switchFlag("write-back", "confirm uploads when they are on the local disk, and store them in the background"),
			durationFlag("poll-interval", 5*time.Second, "poll a store in use for changes every `TIME`"),
			textFlag("cluster", "", "be one of several gateways of one share, which agree by the etcd at `ADDRESS`, etcd://HOST:PORT,…/PREFIX, or etcds:// with TLS"),
			textFlag("gateway", "", "`NAME` of this gateway in lists; the name of this machine if it is not there"),
		), clusterFlags()...),
		Action: p.serve,
	}
}

// A share is what serve runs, from the address to the store.
type share struct {
	s             *session
	address       string
	listener      net.Listener
	scheme        string
	tls           *tls.Config // nil: plain HTTP
	cert          atomic.Pointer[tls.Certificate]
	around        []server.Option // what stands around the handler, but for the users
	withPasswords bool
	trial         *trial
	admin         *admin
	stack         *stack
	gateway       *gateway // nil: not one of several
	mounts        string   // of --mount, the folders of this machine absolute
	readOnly      string   // why changes are refused though nobody asked for that
	unlock        []func() error
}

// serve checks everything that can be checked before it says that it listens.
func (p program) serve(c *cli.Context) (err error) {
	args, err := arguments(c)
	if err != nil {
		return err
	}
	h := &share{address: defaultRemote, scheme: "http"}
	if len(args) == 1 {
		h.address = args[0]
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if isTrial(c) {
		h.s, h.trial, err = p.startTrial(c)
	} else {
		h.s, err = p.newSession(c)
	}
	if err != nil {
		return err
	}
	if err := h.mount(args); err != nil {
		return err
	}
	if err := h.prepare(); err != nil {
		return h.s.advise(err)
	}
	return h.run()
}

func (h *share) prepare() error {
	c := h.s.c
	users, err := h.s.users()
	if err != nil {
		return err
	}
	if h.tls, err = tlsConfig(c, h.s.stateDir); err != nil {
		return err
	}
	if h.tls != nil {
		h.scheme = "https"
		h.holdCertificate()
	}
	if h.listener, err = listenShare(c.Context, c.String("addr"), len(users) > 0, c.Bool("insecure")); err != nil {
		return err
	}
	if bound, ok := h.listener.Addr().(*net.TCPAddr); ok && !bound.IP.IsLoopback() && h.tls == nil && len(users) > 0 && len(c.StringSlice("trusted-proxy")) == 0 {
		h.s.log.Warn("passwords and files travel in the clear; --tls-acme, --tls-cert and --tls-key, or a proxy with TLS, would hide them")
	}
	handler, err := h.handlerOptions()
	if err != nil {
		return err
	}
	if h.around, err = h.serverOptions(); err != nil {
		return err
	}
	o, err := h.stackOptions()
	if err != nil {
		return err
	}
	if h.gateway, err = h.newGateway(); err != nil {
		return err
	}
	if h.gateway != nil {
		h.s.registry.ShareLogins(h.gateway.logins)
	}
	b, err := h.openBackend()
	if err != nil {
		return err
	}
	if err := h.admit(b); err != nil {
		return errors.Join(err, closeBackend(b))
	}
	if h.gateway != nil {
		if err := h.shareStore(b, o.poll); err != nil {
			return errors.Join(err, closeBackend(b))
		}
	}
	if h.readOnly != "" {
		handler = append(handler, webdav.WithReadOnly())
	}
	o.gateway, o.handler, o.server = h.gateway, handler, h.withUsers(users)
	if h.stack, err = newStack(b, o); err != nil {
		return err
	}
	if h.admin != nil {
		h.admin.Gauge("davdisk_queued_files", "Files that clients were told are kept, with --write-back, and that are not in the store yet.", func() float64 { files, _ := h.stack.fs.Queued(); return float64(files) })
		h.admin.Gauge("davdisk_queued_bytes", "Bytes of the files that davdisk_queued_files counts.", func() float64 { _, bytes := h.stack.fs.Queued(); return float64(bytes) })
		if h.gateway != nil {
			h.admin.Gauge("davdisk_cluster_member", "1 while this gateway is a member of its cluster; changes are refused while it is 0.", h.gateway.gauge)
		}
		ready := newReadiness(b, h.s.stateDir, h.stack.vfsState, time.Now)
		if h.gateway != nil {
			ready.waits = h.gateway.compared
		}
		h.admin.Ready(ready.check)
	}
	if h.gateway != nil {
		if err := h.gateway.join(h.s.ctx); err != nil {
			return clusterError(err)
		}
	}
	return h.lookAll(b)
}

// look asks for the root once, so that a dead login or a folder that is not
// there is told now and not by every request. A store that cannot be reached
// may be back soon.
func (h *share) look(b backend.Backend, address string) error {
	info, err := b.Stat(h.s.ctx, ".")
	switch {
	case errors.Is(err, backend.ErrUnauthorized), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), h.s.ctx.Err() != nil:
		return named(err, target{address: address})
	case err != nil:
		h.s.log.Warn("the store does not answer yet", "error", err)
	case !info.Dir:
		return backend.PathError("serve", address, backend.ErrNotDir, "")
	}
	return nil
}

// openBackend opens what is to be served, and keeps other processes from
// serving the same accounts.
func (h *share) openBackend() (backend.Backend, error) {
	addresses, err := h.s.storesOf(h.address)
	if err != nil {
		return nil, err
	}
	locked := map[string]bool{}
	for _, address := range append(addresses, h.address) {
		if err := h.s.checkRemote(address); err != nil {
			return nil, err
		}
		h.s.sayUnused(address)
		h.s.asked[address] = true
		name := h.s.lockOf(address)
		if h.s.stateDir == "" || locked[name] {
			continue
		}
		unlock, err := state.Lock(h.s.stateDir, name)
		if err != nil {
			return nil, err
		}
		locked[name] = true
		h.unlock = append(h.unlock, unlock)
	}
	return h.s.registry.Open(h.s.ctx, h.address)
}

// lockOf names what two processes must not serve at once: an account, a server, or
// a folder of this machine. Servers are told apart by what is no secret of the
// options, because two remotes may be one.
func (s *session) lockOf(address string) string {
	name, path, ok := backend.SplitAddress(address)
	if !ok {
		return shareKey(address)
	}
	remote := s.cfg.Remotes[name]
	if remote.Driver == "" {
		remote.Driver = name
	}
	opts, err := s.options(remote)
	switch {
	case err != nil:
		return lockName(remote.Driver)
	case opts["account"] != "":
		return lockName(remote.Driver + "-" + opts["account"])
	}
	server := ""
	for _, d := range s.drivers {
		if d.Name != remote.Driver {
			continue
		}
		if root, _ := s.registry.SplitPath(name, path); root != "" {
			opts[d.PathOption] = root
		}
		for _, o := range d.Options {
			if !o.Secret {
				server += fmt.Sprintf("%s=%q\n", o.Name, cmp.Or(opts[o.Name], o.Default))
			}
		}
	}
	return lockName(remote.Driver) + "-" + digest(server)
}

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

// run serves until the context ends.
func (h *share) run() error {
	defer leanHeap()()
	w := &writers{next: h.stack}
	pieces := &onePiece{}
	requests, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	srv := &http.Server{
		Handler:           pieces.handler(w),
		ConnContext:       pieces.context,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute, // no limit on a body: an upload may take as long as it moves
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(h.s.log.Handler(), slog.LevelWarn),
		// The handler answers OPTIONS * as it does any other, with DAV.
		DisableGeneralOptionsHandler: true,
	}
	if h.tls != nil {
		srv.TLSConfig = h.tls
	}
	failed := make(chan error, 1)
	go func() {
		if h.tls != nil {
			failed <- srv.ServeTLS(h.listener, "", "")
		} else {
			failed <- srv.Serve(pieces.listener(h.listener))
		}
	}()
	h.announce()
	hangups, stop := hangups(h.s.c.App.ErrWriter)
	defer stop()
	for h.s.ctx.Err() == nil {
		select {
		case err := <-failed:
			return err
		case <-hangups:
			h.reload()
		case <-h.s.ctx.Done():
		}
	}
	h.s.log.Info("ending: no new requests; changes under way are waited for, unless there is a second signal", "changes", w.underway(), "at most", writersGrace)
	err := shutdown(srv, w, func() { cancel(errEnding) }, graces{readersGrace, writersGrace})
	if serveErr := <-failed; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// announce prints the address of the share, and on a terminal how to use it.
func (h *share) announce() {
	out := h.s.c.App.ErrWriter
	address := shareAddress(h.scheme, h.listener.Addr(), h.s.c.String("base-url"))
	fmt.Fprintf(out, "listening on %s\n", address) // in every language: scripts wait for it
	if h.readOnly != "" {
		h.s.lang.Fprintf(out, "read-only, because replacing a file could lose it: %s; --accept-unsafe-writes allows it\n", terminal.Escape(h.readOnly))
	}
	if h.admin != nil {
		h.s.lang.Fprintf(out, "health and metrics on http://%s/\n", h.admin.addr)
	}
	if h.s.c.Bool("tls-self-signed") {
		h.s.lang.Fprintf(out, "self-made certificate, SHA-256 %s\n", fingerprint(h.cert.Load()))
	}
	if terminal.Is(out) && !h.s.c.Bool("quiet") && strings.HasPrefix(address, "http") {
		h.s.printHints(out, address)
	}
}

// close ends all that prepare has begun, from the top.
func (h *share) close() error {
	var errs []error
	if h.listener != nil {
		if err := h.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if h.stack != nil {
		errs = append(errs, h.stack.Close())
	}
	if h.gateway != nil {
		errs = append(errs, h.gateway.Close())
	}
	if h.admin != nil {
		errs = append(errs, h.admin.Close())
	}
	for _, unlock := range h.unlock {
		errs = append(errs, unlock())
	}
	if h.trial != nil {
		errs = append(errs, h.trial.Close())
	}
	return errors.Join(errs...)
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
