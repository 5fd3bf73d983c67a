// Package transfer makes one place hold what another holds: up, down, across
// two stores or within one. A [Plan] compares the two sides without changing
// anything, then [Plan.Run] does what is left to do. Every file is stored whole
// or not at all; what fails is reported, and the rest goes on.
package transfer

import (
	"context"
	"io/fs"
	"path"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// Options shape a plan.
type Options struct {
	Transfers int    // how many files are under way at a time; at least 1
	Filter    Filter // which entries the plan is about
	Replace   bool   // a file of other content is replaced; without it, it is an error
	Force     bool   // also if it has changed since it was compared
	Delete    bool   // what only the target holds is deleted
	Verify    bool   // files of this machine are read if the other side knows a hash, whatever their time says
	Strict    bool   // as Verify, and without a hash files are not equal
	Within    bool   // both sides are in one store, which may copy by itself
	// Outer is the ID of the folder that a new target is made in. If the source
	// holds it, the target would be below the source.
	Outer string
}

// A Side is a name in a backend.
type Side struct {
	backend.Backend
	Name    string
	Address string // as a person writes the name; empty: as Name
}

// SameID reports whether two IDs are of one file or folder. A store that combines
// others puts the name of a folder and a colon before theirs.
func SameID(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	_, inA, okA := strings.Cut(a, ":")
	_, inB, okB := strings.Cut(b, ":")
	return a == b || okA && inA == b || okB && inB == a || okA && okB && inA == inB
}

// In is the side of what has a name in a folder; "" is the folder itself.
func (s Side) In(name string) Side {
	if name == "" {
		return s
	}
	s.Name = path.Join(s.Name, name)
	if s.Address != "" {
		s.Address = JoinAddress(s.Address, name)
	}
	return s
}

// JoinAddress is the address of what has a name in a folder.
func JoinAddress(folder, name string) string {
	if !strings.HasSuffix(folder, "/") && !strings.HasSuffix(folder, ":") {
		folder += "/"
	}
	return folder + name
}

// named makes an error about this side speak of its address.
func (s Side) named(err error) error {
	if p, ok := err.(*fs.PathError); ok && s.Address != "" {
		return &fs.PathError{Op: p.Op, Path: s.Address, Err: p.Err}
	}
	return err
}

// refuse is an error about this side.
func (s Side) refuse(op string, kind error, message string) error {
	return s.named(backend.PathError(op, s.Name, kind, message))
}

// omitter is a store that has what it cannot give.
type omitter interface {
	Omitted(ctx context.Context, folder string) ([]error, error)
}

// omitted are the errors about what is in a folder and cannot be copied: it
// must be told, or it would be missed too late.
func (s Side) omitted(ctx context.Context) []error {
	store, ok := backend.As[omitter](s.Backend)
	if !ok {
		return nil
	}
	all, err := store.Omitted(ctx, s.Name)
	if err != nil {
		return []error{s.named(err)}
	}
	for i, err := range all {
		if p, ok := err.(*fs.PathError); ok {
			all[i] = s.In(path.Base(p.Path)).named(err)
		}
	}
	return all
}

// CheckBase refuses a name from a store that would not stay in its
// folder: "..", "a/b", "/etc".
func CheckBase(name string) error {
	if name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || !fs.ValidPath(name) {
		return &fs.PathError{Op: "copy", Path: name, Err: language.Errorf("%w: the store tells a name that would leave its folder", fs.ErrInvalid)}
	}
	return nil
}
