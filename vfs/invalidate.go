package vfs

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
