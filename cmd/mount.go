package cmd

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/cmd/internal/config"
)

// combined is the driver of several stores as folders of one root.
const combined = "combine"

// mount makes the folders of --mount what is served.
func (h *share) mount(args []string) error {
	mounts := h.s.c.StringSlice("mount")
	switch {
	case len(mounts) == 0:
		return nil
	case len(args) > 0:
		return misuse("--mount says what is served: leave out %q, or make it a folder too", args[0])
	case h.trial != nil:
		return misuse("--demo serves a made-up disk: leave out --mount")
	}
	mounts, err := absolute(mounts)
	if err != nil {
		return err
	}
	h.mounts = strings.Join(mounts, ",")
	remote := config.Remote{Driver: combined, Options: map[string]string{"mounts": h.mounts}}
	if _, err := combine.Addresses(remote.Options["mounts"]); err != nil {
		return misuse("--mount: %v", err)
	}
	h.address = combined + ":"
	h.s.cfg.Remotes[combined] = remote
	return h.s.registry.Remote(combined, remote.Driver, remote.Options)
}

// absolute makes folders of this machine absolute: the state of a share is kept
// by its address, which must not be another one's in another working folder.
func absolute(mounts []string) ([]string, error) {
	var all []string
	for _, mount := range mounts {
		folder, address, ok := strings.Cut(mount, "=")
		if _, _, remote := backend.SplitAddress(address); ok && !remote && address != "" {
			dir, err := filepath.Abs(address)
			if err != nil {
				return nil, err
			}
			mount = folder + "=" + dir
		}
		all = append(all, mount)
	}
	return all, nil
}

// storesOf returns the addresses of the stores that an address combines, sorted;
// none if it is that of one store.
func (s *session) storesOf(address string) ([]string, error) {
	name, _, _ := backend.SplitAddress(address)
	remote, configured := s.cfg.Remotes[name]
	if !configured {
		remote.Driver = name
	}
	if remote.Driver != combined {
		return nil, nil
	}
	opts, err := s.options(remote)
	if err != nil {
		return nil, err
	}
	addresses, err := combine.Addresses(opts["mounts"])
	if err != nil {
		return nil, misuse("%s %v", address, err)
	}
	return slices.Sorted(maps.Values(addresses)), nil
}

// lookAll looks at each store that is served.
func (h *share) lookAll(b backend.Backend) error {
	all, ok := b.(*combine.Backend)
	if !ok {
		return h.look(b, h.address)
	}
	for folder, store := range all.Stores() {
		if err := h.look(store, folder); err != nil {
			return err
		}
	}
	return nil
}
