package backend

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Driver opens one kind of store.
type Driver struct {
	Name    string   // two letters or more, lower case: "yandex"
	Options []Option // all of the driver

	// PathOption names the option that is the first name of the path where it is
	// not set: with "bucket", s3:photos/2024 is the folder 2024 of the bucket
	// photos. Empty: there is none.
	PathOption string

	// Open gets root as in the address ("" is the whole store, "Docs",
	// "/Docs/"); the driver cleans it, and must confine it to the store. opts
	// has a value for each of Options.
	Open func(ctx context.Context, root string, opts map[string]string, env Env) (Backend, error)
}

// An Option is declared once by its driver, for command line, configuration
// and environment.
type Option struct {
	Name    string // lower case with dashes: "hard-delete"
	Help    string // one sentence
	Default string
	Bool    bool // "true" or "false"; a flag without a value on the command line
	Secret  bool // never shown, not accepted in an address
}

// Env is what a program passes to every driver.
type Env struct {
	StateDir  string            // state folder; empty: nothing survives a restart
	Log       *slog.Logger      // nil: discard
	Transport http.RoundTripper // nil: http.DefaultTransport
	Now       func() time.Time  // nil: time.Now

	// Logins renew what several gateways of a share have a copy of each; nil: this
	// process has its logins for itself.
	Logins Logins

	// Open opens another address, for a driver whose store lies in another
	// remote. A Registry sets it.
	Open func(ctx context.Context, address string) (Backend, error)
}

// Registry is the set of drivers and configured remotes of a program. Once
// filled at start it is safe for concurrent use.
type Registry struct {
	env     Env
	drivers map[string]Driver
	remotes map[string]remote
}

type remote struct {
	driver string
	opts   map[string]string
}

// rootOption is an option of the registry itself: the folder of the store
// that is the root of a remote.
const rootOption = "root"

// NewRegistry returns an empty registry; zero fields of env get their defaults.
func NewRegistry(env Env) *Registry {
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	if env.Transport == nil {
		env.Transport = http.DefaultTransport
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	return &Registry{env: env, drivers: map[string]Driver{}, remotes: map[string]remote{}}
}

// Register adds a driver. It panics if the name is registered already or
// not valid in an address.
func (r *Registry) Register(d Driver) {
	if _, taken := r.drivers[d.Name]; taken || !validRemote(d.Name) {
		panic(fmt.Sprintf("backend: driver %q registered twice or badly named", d.Name))
	}
	r.drivers[d.Name] = d
}

// Remote adds a configured remote. The option "root" is the folder of the store
// that is its root. A remote may have the name of its driver, and then sets the
// driver's defaults.
func (r *Registry) Remote(name, driver string, opts map[string]string) error {
	if !validRemote(name) {
		return fmt.Errorf("remote %q: a name has two characters or more and none of / \\ : or space", name)
	}
	d, ok := r.drivers[driver]
	if !ok {
		return fmt.Errorf("remote %q: unknown driver %q (there are %s)", name, driver, strings.Join(slices.Sorted(maps.Keys(r.drivers)), ", "))
	}
	for key := range opts {
		if key != rootOption && !slices.ContainsFunc(d.Options, func(o Option) bool { return o.Name == key }) {
			return fmt.Errorf("remote %q: driver %q has no option %q (it has %s)", name, driver, key, strings.Join(d.optionNames(), ", "))
		}
	}
	r.remotes[name] = remote{driver, maps.Clone(opts)}
	return nil
}

// optionNames returns what a remote of the driver may set.
func (d Driver) optionNames() []string {
	names := []string{rootOption}
	for _, o := range d.Options {
		names = append(names, o.Name)
	}
	return names
}

// ShareLogins makes the drivers renew their logins in turn with others, in whatever is
// opened from now on.
func (r *Registry) ShareLogins(l Logins) { r.env.Logins = l }

// Open opens an address: NAME:PATH with a remote or a driver, or a path of
// this machine, for driver "local". "yandex:Docs", "work:", "/srv/data".
func (r *Registry) Open(ctx context.Context, address string) (Backend, error) {
	return r.open(ctx, address, nil)
}

// open opens an address for the remotes that outer names, the outermost first:
// each has its store in the next.
func (r *Registry) open(ctx context.Context, address string, outer []string) (Backend, error) {
	name, root, ok := SplitAddress(address)
	if !ok {
		name, root = "local", filepath.ToSlash(address)
	}
	if slices.Contains(outer, name) {
		return nil, fmt.Errorf("open %q: remote %q would have its store in itself", address, name)
	}
	configured, known := r.remotes[name]
	if !known {
		configured = remote{driver: name}
	}
	d, known := r.drivers[configured.driver]
	if !known {
		return nil, fmt.Errorf("open %q: no remote or driver is called %q", address, name)
	}
	opts := map[string]string{}
	for _, o := range d.Options {
		opts[o.Name] = o.Default
	}
	for key, value := range configured.opts {
		if key != rootOption {
			opts[key] = value
		}
	}
	if base := configured.opts[rootOption]; base != "" {
		root = path.Join(base, path.Join("/", root)) // never above the remote's own root
	}
	if o := d.PathOption; o != "" && opts[o] == "" {
		opts[o], root = cutFirst(path.Clean("/" + root)) // ".." leads to another store
	}
	env := r.env
	env.Open = func(ctx context.Context, address string) (Backend, error) {
		return r.open(ctx, address, append(slices.Clip(outer), name))
	}
	return d.Open(ctx, root, opts, env)
}

// SplitPath splits a path in a remote or driver into the root of its store, which
// Open takes after the colon, and the name there. The root is empty unless the
// path has to say the [Driver.PathOption]: that is "photos" of "photos/2024" then.
func (r *Registry) SplitPath(remote, at string) (root, name string) {
	configured, known := r.remotes[remote]
	if !known {
		configured.driver = remote
	}
	o := r.drivers[configured.driver].PathOption
	if o == "" || configured.opts[o] != "" || path.Clean("/"+configured.opts[rootOption]) != "/" {
		return "", at
	}
	return cutFirst(at)
}

// cutFirst cuts the first name off a path.
func cutFirst(path string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimLeft(path, "/"), "/")
	return first, rest
}

// SplitAddress splits NAME:PATH. It reports false for a path of this machine:
// no colon, a slash before it, or a single letter, which is a drive.
func SplitAddress(address string) (name, path string, ok bool) {
	name, path, ok = strings.Cut(address, ":")
	if !ok || !validRemote(name) {
		return "", address, false
	}
	return name, path, true
}

func validRemote(name string) bool {
	return len(name) >= 2 && !strings.ContainsAny(name, "/\\: ")
}
