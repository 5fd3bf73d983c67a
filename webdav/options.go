package webdav

import (
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
)

// An Option changes how a [Handler] works.
type Option func(*options) error

// options are the options of a Handler; newOptions has the defaults.
type options struct {
	state    string
	prefix   string
	public   *url.URL
	page     Page
	readOnly bool
	quota    bool
	litter   LitterMode
	infinity int
	maxXML   int64
	strict   bool
	log      *slog.Logger
	now      func() time.Time
	engine   cluster.Engine // nil for a lone gateway
	member   func() Member
	onChange func(Change)
}

func newOptions(opts []Option) (*options, error) {
	o := &options{
		page:   plainPage{},
		quota:  true,
		litter: LitterStore,
		maxXML: 1 << 20,
		log:    slog.New(slog.DiscardHandler),
		now:    time.Now,
	}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// WithState keeps locks and properties in dir, which is created if missing, so
// that they survive a restart. Without it they are kept in memory. Two handlers
// must not share a folder.
func WithState(dir string) Option {
	return func(o *options) error {
		if dir == "" {
			return fmt.Errorf("the state folder must have a name")
		}
		o.state = dir
		return nil
	}
}

// WithPrefix serves the file system below a path ("/dav") instead of "/". Paths
// outside of it are not found; OPTIONS is served there all the same, because
// Windows and Office send it to the folders above a share.
func WithPrefix(prefix string) Option {
	return func(o *options) error {
		clean := path.Clean("/" + prefix)
		if strings.ContainsAny(prefix, "?#\x00") || strings.Contains(prefix, "..") {
			return fmt.Errorf("prefix %q is not a path", prefix)
		}
		o.prefix = strings.TrimSuffix(clean, "/")
		return nil
	}
}

// WithPublicURL sets the URL that clients use when there is a proxy in front.
// Its host is accepted in Destination; a path in it, other than "/", replaces
// the prefix in responses and in a Destination on that host.
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

// WithPage serves folders to browsers by page (see the package webdav/page).
// Without it a browser gets the URLs of the members as plain text.
func WithPage(page Page) Option {
	return func(o *options) error {
		if page == nil {
			return fmt.Errorf("there is no page")
		}
		o.page = page
		return nil
	}
}

// WithMaxXML limits the body of PROPFIND, PROPPATCH and LOCK in bytes; a larger
// one is 413. The default is 1 MiB.
func WithMaxXML(bytes int64) Option {
	return func(o *options) error {
		if bytes < 1 {
			return fmt.Errorf("the bodies of requests need a bound above 0, not %d", bytes)
		}
		o.maxXML = bytes
		return nil
	}
}

// WithReadOnly refuses every change with 403.
func WithReadOnly() Option {
	return func(o *options) error {
		o.readOnly = true
		return nil
	}
}

// WithoutQuota leaves out the space properties of RFC 4331. Finder of macOS
// 15.4 and later has been seen to hang for 90 s while mounting a share that
// has them.
func WithoutQuota() Option {
	return func(o *options) error {
		o.quota = false
		return nil
	}
}

// WithLitter selects what happens to the files that file managers leave
// behind. The default is [LitterStore].
func WithLitter(mode LitterMode) Option {
	return func(o *options) error {
		o.litter = mode
		return nil
	}
}

// WithDepthInfinity allows PROPFIND with Depth infinity, up to max resources
// in one response. Without it such a request is refused with 403 and
// propfind-finite-depth, as RFC 4918 section 9.1 allows.
func WithDepthInfinity(max int) Option {
	return func(o *options) error {
		if max < 1 {
			return fmt.Errorf("depth infinity needs a bound above 0, not %d", max)
		}
		o.infinity = max
		return nil
	}
}

// WithLogger sets the logger of the handler. Secrets are never logged. nil
// discards.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) error {
		if log != nil {
			o.log = log
		}
		return nil
	}
}

// WithStrictAbilities makes a method with the name of an ability and another
// signature an error (see [ContextBinder]): of New if the file system has it,
// and of the request, which gets 500, if a FileInfo has it. Without it such a
// method is logged once and not used.
func WithStrictAbilities() Option {
	return func(o *options) error {
		o.strict = true
		return nil
	}
}

// WithClock sets the clock; the default is time.Now.
func WithClock(now func() time.Time) Option {
	return func(o *options) error {
		o.now = now
		return nil
	}
}
