package dav

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// Config configures New. Only URL has no working default.
type Config struct {
	// URL is the folder on the server: "https://cloud.example/remote.php/dav/files/anna/".
	// It has no user name or password in it.
	URL string
	// Root is the folder below it that is the root: "", "Docs", "/Docs/".
	Root string
	// User and Password, or Token, authorize the requests, as Basic (RFC 7617)
	// or Bearer (RFC 6750). They are sent to the host of URL alone.
	User, Password, Token string

	// AtomicMove is the promise that the server renames a file over another in
	// one step. Few do: most delete the other one first. Without it such a move
	// goes by way of this machine, or is declared as not atomic.
	AtomicMove bool
	// UserAgent is sent with every request; empty: "davdisk".
	UserAgent string
	// RetryWait is the first wait before a request is repeated, doubled each
	// time; zero: 250 ms.
	RetryWait time.Duration
	// AnswerWait is how long the server may take to answer after the last byte
	// of an upload, beside two minutes for every GiB; zero: two minutes.
	AnswerWait time.Duration

	// StateDir keeps what was found out of the server; empty: it is tried out each
	// time.
	StateDir string

	Transport http.RoundTripper                      // nil: http.DefaultTransport
	Now       func() time.Time                       // nil: time.Now
	After     func(d time.Duration) <-chan time.Time // nil: time.After
	Rand      func() float64                         // jitter of waits, in [0,1); nil: math/rand/v2
	Log       *slog.Logger                           // nil: discard
}

// withDefaults returns c with its defaults set.
func (c Config) withDefaults() Config {
	if c.UserAgent == "" {
		c.UserAgent = "davdisk"
	}
	if c.RetryWait == 0 {
		c.RetryWait = 250 * time.Millisecond
	}
	if c.AnswerWait == 0 {
		c.AnswerWait = 2 * time.Minute
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
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

// base parses the address of the server.
func (c Config) base() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return nil, errors.New("webdav: name the folder on the server with the option url, as https://host/path/")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("webdav: option url: it is not an address such as https://host/path/")
	case u.User != nil:
		return nil, errors.New("webdav: option url: the user name and the password have options of their own, and do not belong in the address")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("webdav: option url: the address has a ? or a # in it; it must be that of a folder")
	case strings.Contains(strings.ToLower(u.EscapedPath()), "%2f"):
		return nil, errors.New("webdav: option url: the address has a slash written as %2F")
	}
	return u, nil
}

// options are declared once, for command line, configuration and environment.
var options = []backend.Option{
	{Name: "url", Help: "address of the folder on the server, as https://host/path/"},
	{Name: "user", Help: "user name"},
	{Name: "password", Secret: true, Help: "password of the user; with two-factor login one for this program alone"},
	{Name: "token", Secret: true, Help: "bearer token to use instead of user and password"},
	{Name: "ca-file", Help: "file with the certificates (PEM) to trust beside those of the system, for a server with one of its own"},
	{Name: "atomic-move", Bool: true, Default: "false", Help: "the server renames a file over another in one step; without it such a move goes by way of this machine"},
}

// Driver registers WebDAV servers as "webdav".
func Driver() backend.Driver {
	return backend.Driver{Name: "webdav", Options: options, Open: open}
}

// open returns a backend for options.
func open(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
	cfg := Config{
		URL: opts["url"], Root: root, User: opts["user"], Password: opts["password"], Token: opts["token"],
		Transport: env.Transport, Now: env.Now, Log: env.Log,
	}
	var err error
	if cfg.AtomicMove, err = strconv.ParseBool(opts["atomic-move"]); err != nil {
		return nil, fmt.Errorf("webdav: option atomic-move: %q is neither true nor false", opts["atomic-move"])
	}
	if cfg.Transport, err = httpclient.Transport(env.Transport, opts["ca-file"]); err != nil {
		return nil, fmt.Errorf("webdav: %w", err)
	}
	if env.StateDir != "" {
		cfg.StateDir = filepath.Join(env.StateDir, "webdav")
	}
	return New(ctx, cfg)
}
