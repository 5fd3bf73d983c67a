package yandex

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/backend/yandex/internal/oauth"
)

// The address of the service and its limits.
const (
	DefaultAPIURL   = "https://cloud-api.yandex.net"
	DefaultOAuthURL = oauth.DefaultURL
	DefaultRate     = 40  // API requests a second, clause 2.2 of the terms of the API
	maxRate         = 1e6 // of the option; no limit is written 0

	DefaultModTimeWait = 3 * time.Second // the longest time that Yandex asks for before a PATCH
)

// Config configures New. Only Token has no working default.
type Config struct {
	// Token authorizes the requests. With nil, only what is public can be
	// read.
	Token TokenSource
	// Root is the root folder: "", "Docs", "disk:/Docs", or "app:/" for an
	// application with access to its own folder only.
	Root string
	// APIURL is the address of the API; empty: DefaultAPIURL.
	APIURL string

	// HardDelete removes permanently instead of moving to the trash.
	HardDelete bool
	// UploadViaTempName uploads under a neutral name and moves the file to its
	// own, because the service slows down uploads of archives and videos by
	// their extension. It costs one more call.
	UploadViaTempName bool
	// AcceptShortListings accepts listings that repeatedly have fewer entries
	// than the total that the service reports, or no entries at all. Files
	// missing from such a listing are then reported as missing. Without it the
	// listing is backend.ErrUnavailable.
	AcceptShortListings bool
	// UserAgent is sent with every request; empty: "davdisk". The service does
	// not slow down uploads of clients whose User-Agent is Yandex.Disk; whether
	// to send that is the user's choice.
	UserAgent string
	// Rate is how many API requests are made in a second; zero: DefaultRate,
	// negative: unlimited.
	Rate float64
	// RetryWait is the first wait before a request is repeated, doubled each
	// time; zero: 250 ms.
	RetryWait time.Duration
	// UploadWait is how long the service may take to answer after the last
	// byte of an upload, beside two minutes for every GiB; zero: two minutes.
	UploadWait time.Duration
	// ModTimeWait is how long after an upload its modification time is written;
	// zero: DefaultModTimeWait.
	ModTimeWait time.Duration

	// StateDir keeps what must survive a restart: modification times still to
	// be written, uploads of unknown outcome. It belongs to one account.
	// Empty: nothing survives.
	StateDir string

	Transport http.RoundTripper                      // nil: as http.DefaultTransport, with more connections to a host
	Now       func() time.Time                       // nil: time.Now
	After     func(d time.Duration) <-chan time.Time // nil: time.After
	Rand      func() float64                         // jitter of waits, in [0,1); nil: math/rand/v2
	Log       *slog.Logger                           // nil: discard
}

// withDefaults returns c with its defaults set.
func (c Config) withDefaults() Config {
	setDefault(&c.APIURL, DefaultAPIURL)
	setDefault(&c.UserAgent, "davdisk")
	setDefault(&c.Rate, DefaultRate)
	setDefault(&c.RetryWait, 250*time.Millisecond)
	setDefault(&c.UploadWait, 2*time.Minute)
	setDefault(&c.ModTimeWait, DefaultModTimeWait)
	if c.Transport == nil || c.Transport == http.DefaultTransport {
		c.Transport = pooled()
	}
	setDefault(&c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c
}

// client returns the API client for c.
func (c Config) client() (*api.Client, error) {
	return api.New(api.Options{
		URL: c.APIURL, Token: c.Token, UserAgent: c.UserAgent, Rate: c.Rate, RetryWait: c.RetryWait,
		Transport: c.Transport, Now: c.Now, After: c.After, Rand: c.Rand,
	})
}

// pooled is the usual transport with room for as many connections to one host
// as there are requests at a time: a WebDAV client that opens a folder of
// pictures makes dozens, and the usual two would be opened and closed for each.
func pooled() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // a program has replaced it deliberately
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}

func setDefault[T comparable](value *T, def T) {
	var zero T
	if *value == zero {
		*value = def
	}
}

// options are declared once, for command line, configuration and environment.
var options = []backend.Option{
	{Name: "token", Secret: true, Help: "OAuth token to use instead of a login"},
	{Name: "account", Default: "default", Help: "which login to use, if there are several"},
	{Name: "anonymous", Bool: true, Default: "false", Help: "use no login; only public addresses can be read"},
	{Name: "api-url", Default: DefaultAPIURL, Help: "address of the API"},
	{Name: "oauth-url", Default: DefaultOAuthURL, Help: "address of the OAuth server"},
	{Name: "hard-delete", Bool: true, Default: "false", Help: "remove for good instead of moving to the trash"},
	{Name: "upload-via-temp-name", Bool: true, Default: "false", Help: "upload under a neutral name, then rename: quicker for archives and videos, which the service slows down"},
	{Name: "accept-short-listings", Bool: true, Default: "false", Help: "accept listings with fewer entries than the service says the folder has; what they lack is reported as missing, and programs that synchronize may delete it"},
	{Name: "user-agent", Default: "davdisk", Help: "User-Agent header sent to the service"},
	{Name: "mod-time-wait", Default: DefaultModTimeWait.String(), Help: "how long after an upload its modification time is written, and verified after that time again: written earlier, it is lost by the service"},
	{Name: "rate", Default: strconv.Itoa(DefaultRate), Help: "API requests a second, 0 for no limit; with --cluster those of all gateways together"},
}

// Driver registers the disk as "yandex".
func Driver() backend.Driver {
	return backend.Driver{Name: "yandex", Options: options, Open: open}
}

// open returns a backend for options. It needs a token or a stored login,
// and does not call the service.
func open(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
	rate, err := strconv.ParseFloat(opts["rate"], 64)
	if err != nil || !(rate >= 0 && rate <= maxRate) { // so that NaN is refused too
		return nil, fmt.Errorf("yandex: option rate: %q is not a number of requests a second", opts["rate"])
	}
	if rate == 0 {
		rate = -1
	}
	wait, err := time.ParseDuration(opts["mod-time-wait"])
	if err != nil || wait <= 0 {
		return nil, fmt.Errorf("yandex: option mod-time-wait: %q is no time such as 3s", opts["mod-time-wait"])
	}
	cfg := Config{
		Root: root, APIURL: opts["api-url"], UserAgent: opts["user-agent"], Rate: rate, ModTimeWait: wait,
		Transport: env.Transport, Now: env.Now, Log: env.Log,
	}
	for name, value := range map[string]*bool{
		"hard-delete": &cfg.HardDelete, "upload-via-temp-name": &cfg.UploadViaTempName, "accept-short-listings": &cfg.AcceptShortListings,
	} {
		if *value, err = strconv.ParseBool(opts[name]); err != nil {
			return nil, fmt.Errorf("yandex: option %s: %q is neither true nor false", name, opts[name])
		}
	}
	account := opts["account"]
	if !usable(account) {
		return nil, fmt.Errorf("yandex: option account: %q cannot be the name of an account", account)
	}
	if err := ctx.Err(); err != nil {
		return nil, err // after the options, so that they can be checked without opening anything
	}
	if env.StateDir != "" {
		cfg.StateDir = filepath.Join(env.StateDir, "yandex", account)
	}
	if opts["anonymous"] == "true" {
		return New(cfg)
	}
	if opts["token"] != "" {
		cfg.Token = StaticToken(opts["token"])
		return New(cfg)
	}
	store := NewTokenStore(env.StateDir, opts["account"], OAuth{URL: opts["oauth-url"], Transport: env.Transport, Now: env.Now})
	tokens, err := store.Load()
	if err != nil {
		return nil, err
	}
	if tokens.APIURL != "" && cfg.APIURL == DefaultAPIURL {
		cfg.APIURL = tokens.APIURL // of the service that the login is for
	}
	if env.Logins != nil {
		store.ShareWith(env.Logins)
	}
	cfg.Token = store
	return New(cfg)
}
