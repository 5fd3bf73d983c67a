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

// A Driver knows how to open one kind of store.
type Driver struct {
	Name    string   // two letters or more, lower case: "yandex"
	Options []Option // all it understands

	// Open gets root as the address has it ("" is the whole store, "Docs",
	// "/Docs/"); the driver cleans it, and must not let it leave the store.
	// opts has a value for each of Options.
	Open func(ctx context.Context, root string, opts map[string]string, env Env) (Backend, error)
}

// An Option is declared once by its driver; command line, configuration and
// environment are fed from that.
type Option struct {
	Name    string // lower case with dashes: "hard-delete"
	Help    string // one sentence
	Default string
	Bool    bool // "true" or "false"; a flag without a value on the command line
	Secret  bool // never shown, never taken from an address
}

// Env is what every driver gets from the program around it.
type Env struct {
	StateDir  string            // the program's own; empty: nothing survives a restart
	Log       *slog.Logger      // nil: discard
	Transport http.RoundTripper // nil: http.DefaultTransport
	Now       func() time.Time  // nil: time.Now
}

// Registry is the set of drivers and configured remotes of a program. It is a
// value filled by hand at start, and may be used from many goroutines after.
type Registry struct {
	env     Env
	drivers map[string]Driver
	remotes map[string]remote
}

type remote struct {
	driver string
	opts   map[string]string
}

// rootOption is understood by the registry itself: the folder of the store
// that a remote calls its root.
const rootOption = "root"

// NewRegistry returns an empty registry; what env leaves out gets its default.
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

// Register adds a driver. A second one of the same name, or a name that an
// address could not hold, is a mistake of the program and panics.
func (r *Registry) Register(d Driver) {
	if _, taken := r.drivers[d.Name]; taken || !validRemote(d.Name) {
		panic(fmt.Sprintf("backend: driver %q registered twice or badly named", d.Name))
	}
	r.drivers[d.Name] = d
}

// Remote configures a name that addresses may begin with. The option "root"
// names the folder of the store it starts at. A remote may have the name of
// its driver, whose defaults it then sets.
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
			return fmt.Errorf("remote %q: driver %q has no option %q", name, driver, key)
		}
	}
	r.remotes[name] = remote{driver, maps.Clone(opts)}
	return nil
}

// Open opens an address: NAME:PATH, NAME a remote or a driver, or a path of
// this machine, which is driver "local". "yandex:Docs", "work:", "/srv/data".
func (r *Registry) Open(ctx context.Context, address string) (Backend, error) {
	name, root, ok := SplitAddress(address)
	if !ok {
		name, root = "local", filepath.ToSlash(address)
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
	return d.Open(ctx, root, opts, r.env)
}

// SplitAddress takes NAME:PATH apart. It reports false for a path of this
// machine: no colon, a slash before it, or a single letter, which is a drive.
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
