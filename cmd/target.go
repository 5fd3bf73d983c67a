package cmd

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

// A target is what an argument names: a name in a backend.
type target struct {
	backend.Backend
	name    string // in the backend; "." is its root
	root    string // the address of the backend
	address string // as the person typed it
	folder  bool   // it ends in a slash: only a folder can be meant
}

// Unwrap shows the abilities of the backend.
func (t target) Unwrap() backend.Backend { return t.Backend }

// in is a target in the same backend.
func (t target) in(name string) target {
	t.name, t.folder = path.Join(t.name, name), false
	if name != "." {
		t.address = transfer.JoinAddress(t.address, name)
	}
	return t
}

// scheme begins a path in a part of the store that is not its normal tree:
// yandex:app:/notes.
var scheme = regexp.MustCompile(`^[a-z]+:/`)

// target opens what an address names. It need not be there.
func (s *session) target(address string) (target, error) {
	name, inner, ok := backend.SplitAddress(address)
	if !ok {
		return s.localTarget(address, address)
	}
	if _, configured := s.cfg.Remotes[name]; name == "local" && !configured {
		return s.localTarget(address, inner)
	}
	prefix, inner := rootIn(s.registry, name, inner)
	root := name + ":" + prefix
	relative := path.Clean(strings.TrimLeft(inner, "/"))
	if inner == "" {
		relative = "."
	}
	if relative == ".." || strings.HasPrefix(relative, "../") {
		return target{}, misuse("%q leads out of the remote", address)
	}
	if err := backend.CheckName("open", relative); err != nil {
		return target{}, misuse("%q cannot be the name of anything", address)
	}
	b, err := s.backend(root)
	if err != nil {
		return target{}, err
	}
	return target{Backend: b, name: relative, root: root, address: address, folder: inner == "" || strings.HasSuffix(inner, "/")}, nil
}

// rootIn splits the path of a remote into what its root takes of it, and the name
// there.
func rootIn(r *backend.Registry, remote, inner string) (root, name string) {
	if prefix := scheme.FindString(inner); prefix != "" {
		return prefix, inner[len(prefix):]
	}
	return r.SplitPath(remote, inner)
}

// localTarget opens the folder that holds a file of this machine, or the
// folder itself.
func (s *session) localTarget(address, file string) (target, error) {
	full, err := filepath.Abs(filepath.FromSlash(file))
	if err != nil {
		return target{}, err
	}
	t := target{address: address, folder: strings.HasSuffix(file, "/") || strings.HasSuffix(file, string(os.PathSeparator))}
	dir, name := filepath.Dir(full), filepath.Base(full)
	fi, err := os.Stat(full)
	switch {
	case err == nil && fi.IsDir():
		dir, name = full, "."
	case errors.Is(err, fs.ErrNotExist) && address == file && s.isRemote(address):
		return target{}, misuse("%q is no file here; the remote is %q (a file of that name goes after ./)", address, address+":")
	}
	t.root, t.name = "local:"+filepath.ToSlash(dir), filepath.ToSlash(name)
	t.Backend, err = s.backend(t.root)
	return t, err
}

// entry is a target that is to be moved or removed, and so must have a name in
// a folder that is open.
func (s *session) entry(address string) (target, error) {
	t, err := s.target(address)
	if err != nil || t.name != "." {
		return t, err
	}
	dir, isLocal := strings.CutPrefix(t.root, "local:")
	if last := path.Base(filepath.ToSlash(address)); isLocal && (last == "." || last == "..") {
		return target{}, misuse("%q is a folder that programs stand in: call it by its name", address)
	}
	if !isLocal || path.Dir(dir) == dir {
		return target{}, misuse("%q is a root, which stays where it is", address)
	}
	t.root, t.name = "local:"+path.Dir(dir), path.Base(dir)
	t.Backend, err = s.backend(t.root)
	return t, err
}

// stat describes a target; a trailing slash demands a folder.
func (s *session) stat(t target) (backend.Info, error) {
	info, err := t.Stat(s.ctx, t.name)
	if err == nil && t.folder && !info.Dir {
		err = backend.PathError("stat", t.name, backend.ErrNotDir, "")
	}
	return info, named(err, t)
}

// checkSlash refuses a file whose address ends in a slash, which demands a folder.
func (s *session) checkSlash(t target) error {
	if !t.folder || t.name == "." {
		return nil
	}
	_, err := s.stat(t)
	return err
}

// named makes an error speak of the address that the person typed.
func named(err error, t target) error {
	if p, ok := err.(*fs.PathError); ok {
		return &fs.PathError{Op: p.Op, Path: t.address, Err: p.Err}
	}
	return err
}

// namedBoth is named for an error about two names.
func namedBoth(err error, from, to target) error {
	if l, ok := err.(*os.LinkError); ok {
		return &os.LinkError{Op: l.Op, Old: from.address, New: to.address, Err: l.Err}
	}
	return named(err, from)
}
