package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// unpolled is a store whose changes the gateway is told of, so that the file system
// need not ask for them.
type unpolled struct{ backend.Backend }

func (t unpolled) Unwrap() backend.Backend { return t.Backend }

// Revision implements backend.Revisioner.
func (t unpolled) Revision(context.Context) (string, error) {
	return "", backend.PathError("revision", ".", errors.ErrUnsupported, "one of the gateways asks for it")
}

// Close implements io.Closer.
func (t unpolled) Close() error { return closeBackend(t.Backend) }

// unpolledTTL is how long a listing counts if nothing is told of a change to it. It is
// for what no revision shows, if there is such a thing.
func unpolledTTL(dirTime time.Duration) time.Duration {
	if dirTime == 0 { // nothing is to be cached
		return 0
	}
	return max(dirTime, time.Hour)
}

// shareStore makes the store that is served one of the gateways'.
func (h *share) shareStore(b backend.Backend, poll time.Duration) error {
	return h.gateway.serves(h.s.ctx, b, func(ctx context.Context) (string, error) {
		place, err := h.s.whichStore(ctx, b, h.address)
		if err != nil {
			return "", language.Errorf("the gateways of a cluster serve one store, and which one this is could not be found out: %w", err)
		}
		return digest(place), nil
	}, poll)
}

// whichStore returns a text that tells a store and a folder in it from others, and is the
// same at each gateway. It has no secrets, and nothing of this machine.
func (s *session) whichStore(ctx context.Context, b backend.Backend, address string) (string, error) {
	where, driver, err := s.placeOf(address, func(name string) (string, map[string]string, error) {
		remote := s.cfg.Remotes[name]
		if remote.Driver == "" {
			remote.Driver = name
		}
		opts, err := s.options(remote)
		return remote.Driver, opts, err
	})
	if err != nil {
		return "", err
	}
	identity, err := backend.Identity(ctx, b)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return where, nil
	case err != nil:
		return "", err
	}
	return fmt.Sprintf("%s %q", driver, identity), nil
}

// placing are the options of drivers that say where a store is. Others say how it is
// reached from this machine, or with which credentials.
var placing = []string{"url", "endpoint", "bucket", "host", "port", "user", "folder", "filename-encryption", "filename-encoding", "directory-name-encryption"}

// placeOf is whichStore for what an address and the options of its remote tell. remote
// returns driver and options of the remote of a name.
func (p program) placeOf(address string, remote func(name string) (driver string, opts map[string]string, err error)) (place, driver string, err error) {
	name, at, ok := backend.SplitAddress(address)
	if !ok {
		at, err = filepath.Abs(address)
		return fmt.Sprintf("local %q", filepath.ToSlash(at)), "local", err
	}
	driver, opts, err := remote(name)
	if err != nil {
		return "", "", err
	}
	place = fmt.Sprintf("%s %q", driver, path.Clean("/"+opts["root"]+"/"+at))
	for _, d := range p.drivers {
		for _, o := range d.Options {
			if d.Name == driver && slices.Contains(placing, o.Name) && !o.Secret {
				place += fmt.Sprintf(" %s=%q", o.Name, cmp.Or(opts[o.Name], o.Default))
			}
		}
	}
	inside := map[string]string{}
	switch {
	case driver == combined:
		if inside, err = combine.Addresses(opts["mounts"]); err != nil {
			return "", "", misuse("%s %v", address, err)
		}
	case opts["remote"] != "":
		inside["remote"] = opts["remote"]
	}
	for _, folder := range slices.Sorted(maps.Keys(inside)) {
		below, _, err := p.placeOf(inside[folder], remote)
		if err != nil {
			return "", "", err
		}
		place += fmt.Sprintf(" %s=(%s)", folder, below)
	}
	return place, driver, nil
}
