package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

const (
	// amazon is the endpoint if none is given.
	amazon = "https://s3.amazonaws.com"
	// defaultPartSize is the size of the parts of an upload.
	defaultPartSize = 8 << 20
	// maxParts is how many parts an upload may have.
	maxParts = 10_000
)

// Config configures New. Only Bucket has no working default.
type Config struct {
	// Endpoint is the address of the server, "https://s3.example.org"; empty:
	// Amazon's.
	Endpoint string
	// Region of the bucket; empty: the server is asked.
	Region string
	// Bucket is the name of the bucket, which must be there.
	Bucket string
	// Root is the folder in the bucket that is the root: "", "Docs", "/Docs/".
	Root string
	// AccessKey and SecretKey sign the requests, with the SessionToken of
	// temporary credentials. Without them requests are anonymous.
	AccessKey, SecretKey, SessionToken string

	// PartSize is the size of the parts of an upload, in bytes, and the memory
	// that one takes; zero: 8 MiB. Servers want 5 MiB at least. Larger files
	// than 10,000 parts get larger parts.
	PartSize int64
	// UserAgent is sent with every request; empty: "davdisk".
	UserAgent string
	// RetryWait is the first wait before a request is repeated, doubled each
	// time; zero: 250 ms.
	RetryWait time.Duration

	// StateDir keeps what was found out of the server, and what is still to be
	// done if the process is killed; empty: nothing survives it.
	StateDir string

	Transport http.RoundTripper                      // nil: http.DefaultTransport
	Now       func() time.Time                       // nil: time.Now
	After     func(d time.Duration) <-chan time.Time // nil: time.After
	Rand      func() float64                         // jitter of waits, in [0,1); nil: math/rand/v2
	Log       *slog.Logger                           // nil: discard
}

// withDefaults returns c with its defaults set.
func (c Config) withDefaults() Config {
	if c.Endpoint == "" {
		c.Endpoint = amazon
	}
	if c.PartSize == 0 {
		c.PartSize = defaultPartSize
	}
	if c.UserAgent == "" {
		c.UserAgent = "davdisk"
	}
	if c.RetryWait == 0 {
		c.RetryWait = 250 * time.Millisecond
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

// endpoint parses the address of the server.
func (c Config) endpoint() (*url.URL, error) {
	address := c.Endpoint
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("s3: option endpoint: it is not an address such as https://host")
	case u.User != nil:
		return nil, errors.New("s3: option endpoint: the keys have options of their own, and do not belong in the address")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("s3: option endpoint: it is the address of the server alone; the bucket has an option of its own")
	}
	return u, nil
}

// prefix returns what the keys of the root begin with.
func (c Config) prefix() (string, error) {
	root := strings.Trim(path.Clean("/"+c.Root), "/")
	if root == "" {
		return "", nil
	}
	if err := backend.CheckName("open", root); err != nil {
		return "", err
	}
	return root + "/", nil
}

// options are declared once, for command line, configuration and environment.
var options = []backend.Option{
	{Name: "endpoint", Default: amazon, Help: "address of the server, as https://host"},
	{Name: "region", Help: "region of the bucket; without it the server is asked"},
	{Name: "bucket", Help: "name of the bucket; without it the first name of the path, as in s3:photos/2024"},
	{Name: "access-key", Help: "access key ID; without it requests are anonymous"},
	{Name: "secret-key", Secret: true, Help: "secret access key"},
	{Name: "session-token", Secret: true, Help: "session token of temporary credentials"},
	{Name: "ca-file", Help: "file with the certificates (PEM) to trust beside those of the system, for a server with one of its own"},
}

// Driver registers S3 servers as "s3".
func Driver() backend.Driver {
	return backend.Driver{Name: "s3", Options: options, PathOption: "bucket", Open: open}
}

// open returns a backend for options.
func open(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
	cfg := Config{
		Endpoint: opts["endpoint"], Region: opts["region"], Bucket: opts["bucket"], Root: root,
		AccessKey: opts["access-key"], SecretKey: opts["secret-key"], SessionToken: opts["session-token"],
		Now: env.Now, Log: env.Log,
	}
	var err error
	if cfg.Transport, err = httpclient.Transport(env.Transport, opts["ca-file"]); err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	if env.StateDir != "" {
		cfg.StateDir = filepath.Join(env.StateDir, "s3")
	}
	return New(ctx, cfg)
}
