package cmd

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/dav"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/s3"
	"github.com/davdisk/davdisk/backend/sftp"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
)

// A program is davdisk with the stores that it knows.
type program struct {
	drivers []backend.Driver
	lang    language.Language // of the person; English for programs

	openEngine func(etcd.Config) (cluster.Engine, error) // of a cluster; nil: etcd.Open
}

// ownDrivers are the stores that davdisk itself knows. A new one is added here,
// and its options become flags, variables and configuration by that.
func ownDrivers() []backend.Driver {
	return []backend.Driver{yandex.Driver(), dav.Driver(), s3.Driver(), sftp.Driver(), crypt.Driver(), combine.Driver(), local.Driver(), memory.Driver()}
}

// newProgram returns davdisk with extra drivers.
func newProgram(extra ...backend.Driver) (program, error) {
	p := program{drivers: ownDrivers()}
	for _, d := range extra {
		if name, _, ok := backend.SplitAddress(d.Name + ":"); !ok || name != d.Name {
			return p, misuse("driver %q: a name has two characters or more and none of / \\ : or space", d.Name)
		}
		for _, known := range p.drivers {
			if known.Name == d.Name {
				return p, misuse("driver %q: there is another of this name", d.Name)
			}
		}
		p.drivers = append(p.drivers, d)
	}
	if len(extra) == 0 {
		return p, nil
	}
	return p, checkFlags(p.newApp(nil, io.Discard, io.Discard).Commands)
}

// checkFlags refuses a flag that a command has twice, as an option "dir" of a
// driver "state" would make it, before the flag package panics.
func checkFlags(commands []*cli.Command) error {
	for _, c := range commands {
		seen := map[string]bool{}
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				if seen[name] {
					return misuse("command %q has two flags --%s: an option of a driver must have another name", c.Name, name)
				}
				seen[name] = true
			}
		}
		if err := checkFlags(c.Subcommands); err != nil {
			return language.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

// defaultRemote is the default of a command without a remote.
const defaultRemote = "yandex:"
