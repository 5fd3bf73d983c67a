package vfs

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Properties returns the WebDAV properties of a file or a folder: the key is
// "{namespace}local", the value the whole XML element. It fails with
// errors.ErrUnsupported if the store has no properties.
func (f *FS) Properties(name string) (map[string]string, error) {
	p, err := resolve(name)
	if err == nil {
		err = f.begin()
	}
	if err != nil {
		return nil, pathError("properties", name, err)
	}
	defer f.end()
	all, err := backend.Properties(f.ctx, f.b, p.name)
	if errors.Is(err, fs.ErrNotExist) && f.onlyHere(p.name) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, pathError("properties", name, err)
	}
	return webdavProperties(all), nil
}

// webdavProperties returns those whose key is the name of a WebDAV property.
func webdavProperties(all map[string]string) map[string]string {
	props := map[string]string{}
	for key, value := range all {
		if strings.HasPrefix(key, "{") {
			props[key] = value
		}
	}
	return props
}

// SetProperties sets some properties and removes others, all or nothing. The
// keys are those of Properties. It fails with errors.ErrUnsupported if the
// store has no properties.
func (f *FS) SetProperties(name string, set map[string]string, remove []string) error {
	return pathError("properties", name, f.setProperties(name, set, remove))
}

func (f *FS) setProperties(name string, set map[string]string, remove []string) error {
	for key := range set {
		if !strings.HasPrefix(key, "{") {
			return failure(fs.ErrInvalid, "the name of a property must begin with its namespace in braces")
		}
	}
	places, done, err := f.change(f.ctx, pathlock.One, name)
	if err != nil {
		return err
	}
	defer done()
	if err := backend.SetProperties(f.ctx, f.b, places[0].name, set, remove); err != nil {
		if errors.Is(err, fs.ErrNotExist) && f.onlyHere(places[0].name) {
			return failure(backend.ErrLocked, "being written, and not stored yet")
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			f.invalidate(places[0].name) // the change may have been made nevertheless
		}
		return err
	}
	f.meta.Propertied(places[0].name, set, remove)
	return nil
}
