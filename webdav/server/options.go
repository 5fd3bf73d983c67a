package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"
)

// An Option configures [New].
type Option func(*options) error

// options are the options of New; newOptions has the defaults.
type options struct {
	public    *url.URL
	proxies   trustedProxies
	users     []User
	bound     []string
	prefix    string
	sessions  *Sessions // nil: of this handler alone
	signIn    func(w http.ResponseWriter, req *http.Request, s SignIn)
	errorPage errorPage
	origins   []string
	limits    Limits
	log       *slog.Logger
	accessLog *slog.Logger
	observer  func(Observation)
	now       func() time.Time
}

func newOptions(opts []Option) (*options, error) {
	o := &options{log: slog.New(slog.DiscardHandler), now: time.Now}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	o.limits = o.limits.withDefaults()
	return o, nil
}

// WithUsers admits only these users, each with a root folder and rights of
// their own. Without users everybody is admitted, and the server must then
// listen on the loopback only: requests for a foreign host name get 421,
// changes by a foreign web page 403.
func WithUsers(users ...User) Option {
	return func(o *options) error {
		o.users = append(o.users, users...)
		return nil
	}
}

// WithSignIn has browsers sign in by a form, which gives them a cookie, where
// [WithUsers] is used. form writes it, with its status, for a page load without
// a session; all other requests are challenged for Basic credentials. prefix is
// the path that the share is served below, "" or "/dav".
func WithSignIn(prefix string, form func(w http.ResponseWriter, req *http.Request, s SignIn)) Option {
	return func(o *options) error {
		if form == nil {
			return errors.New("there is no form to sign in by")
		}
		o.prefix, o.signIn = strings.TrimSuffix(path.Clean("/"+prefix), "/"), form
		return nil
	}
}

// WithSessions keeps the sessions of browsers in s, which other gateways share: who
// has signed in or out at one of them has at all, and passwords are guessed at no
// faster than if they were one. Each user needs a Secret.
func WithSessions(s *Sessions) Option {
	return func(o *options) error {
		if s == nil {
			return errors.New("there are no sessions")
		}
		o.sessions = s
		return nil
	}
}

// An errorPage writes an error for people, with its status.
type errorPage = func(w http.ResponseWriter, req *http.Request, status int, reason string)

// WithErrorPage has page word what is refused to a person in a browser: while too
// many requests are served, or sessions cannot be told from ended ones. All other
// requests get a line of plain text.
func WithErrorPage(page func(w http.ResponseWriter, req *http.Request, status int, reason string)) Option {
	return func(o *options) error {
		o.errorPage = page
		return nil
	}
}

// WithPublicURL sets the address that clients use when a proxy stands in
// front. Its host is accepted in Host and Origin.
func WithPublicURL(address string) Option {
	return func(o *options) error {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("public address %q: want http://host/path or https://host/path", address)
		}
		o.public = u
		return nil
	}
}

// WithTrustedProxies sets the proxies whose X-Forwarded-Host and
// X-Forwarded-For are trusted. Those of others are removed.
func WithTrustedProxies(proxies []netip.Prefix) Option {
	return func(o *options) error {
		o.proxies = proxies
		return nil
	}
}

// WithBoundAddr sets an address the server listens on ("127.0.0.1:8080"), which
// is then accepted in Host beside the names of the loopback. It may be given more
// than once.
func WithBoundAddr(addr string) Option {
	return func(o *options) error {
		o.bound = append(o.bound, addr)
		return nil
	}
}

// WithAllowedOrigins lets the scripts of web pages of these origins
// ("https://app.example.org") use the share. They log in like any other client.
// The default is none.
func WithAllowedOrigins(origins ...string) Option {
	return func(o *options) error {
		for _, text := range origins {
			origin, err := parseOrigin(text)
			if err != nil {
				return err
			}
			o.origins = append(o.origins, origin)
		}
		return nil
	}
}

// WithLimits sets the limits of concurrent requests and idle transfers.
func WithLimits(limits Limits) Option {
	return func(o *options) error {
		o.limits = limits
		return nil
	}
}

// WithLogger sets the logger of failed logins and panics. Secrets are never
// logged. nil discards.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) error {
		if log != nil {
			o.log = log
		}
		return nil
	}
}

// WithAccessLog sets the logger of one line a request: method, path, status,
// bytes, time and the upstream calls made on its behalf.
func WithAccessLog(log *slog.Logger) Option {
	return func(o *options) error {
		o.accessLog = log
		return nil
	}
}

// WithObserver calls observe after each request, for metrics. It must be quick
// and may be called by many goroutines.
func WithObserver(observe func(Observation)) Option {
	return func(o *options) error {
		o.observer = observe
		return nil
	}
}

// WithClock takes the time from now instead of from the system.
func WithClock(now func() time.Time) Option {
	return func(o *options) error {
		o.now = now
		return nil
	}
}
