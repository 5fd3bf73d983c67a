// Package vfstest tells package conformance what a file system of package vfs
// on a store cannot have.
package vfstest

import (
	"slices"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/conformance"
)

// Declarations returns what a file system on b lacks: what no store has, such as
// permissions, and what follows from what b declares (see
// [backend.CapabilitiesOf]). It makes no calls.
//
// What the store has of the following, which no declaration says, is named in
// has: [conformance.DirUpdates], if the time of a folder moves when an entry
// comes or goes.
//
// Largest files and precision of times are added by the caller, with
// [conformance.Within]. Patterns of names that b refuses cannot be declared;
// the cases that use such a name fail.
func Declarations(b backend.Backend, has ...conformance.Capability) []conformance.Option {
	caps := backend.CapabilitiesOf(b)
	options := []conformance.Option{
		conformance.Refuses(conformance.Chmod, "stores have no permissions"),
		conformance.Refuses(conformance.Chown, "stores have no owners"),
		conformance.Ignores(conformance.Modes, "stores have no permissions"),
		conformance.Within(conformance.Limits{Forbidden: "\uFFFD", Why: "names are UTF-8, in JSON and in addresses"}),
	}
	ignores := func(lacks bool, capability conformance.Capability, why string) {
		if lacks && !slices.Contains(has, capability) {
			options = append(options, conformance.Ignores(capability, why))
		}
	}
	ignores(true, conformance.DirUpdates, "the store leaves the time of a folder alone when an entry comes or goes")
	ignores(caps.NoEmptyFolders != "", conformance.EmptyDirs, caps.NoEmptyFolders)
	ignores(caps.Names.IgnoreCase, conformance.CaseSensitive, caps.Names.Why)
	ignores(caps.Names.IgnoreForm, conformance.DistinctForms, caps.Names.Why)
	if n := caps.Names; n.MaxBytes > 0 || n.Forbidden != "" {
		n.MaxBytes = min(n.MaxBytes, 255) // vfs takes no longer ones
		options = append(options, conformance.Within(conformance.Limits{NameBytes: n.MaxBytes, Forbidden: n.Forbidden, Why: n.Why}))
	}
	return options
}
