package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/state"
)

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
