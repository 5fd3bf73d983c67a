package vfs

import "github.com/davdisk/davdisk/backend"

// Invalidate makes f ask the store again for name, what is below it, and the
// listing it stands in: for a caller that has changed the store past f. It makes
// no call.
func (f *FS) Invalidate(name string) error {
	p, err := resolve(name)
	if err != nil {
		return pathError("invalidate", name, err)
	}
	f.core.meta.Invalidate(p.name)
	return nil
}

// Learn is Invalidate for what another process has changed in the same store, which
// the store must know as well. etag is the entity tag of the file that it has stored
// there, "" if it is not known or there is none. It makes no call.
func (f *FS) Learn(name, etag string) error {
	p, err := resolve(name)
	if err != nil {
		return pathError("learn", name, err)
	}
	version, err := versionOf(etag)
	if err != nil {
		version = "" // of a file system that has other tags
	}
	backend.Learn(f.core.b, p.name, version)
	f.core.meta.Invalidate(p.name)
	return nil
}
