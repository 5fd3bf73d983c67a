package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/crypto/acme"

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
	if err := h.acceptStore(b); err != nil {
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
