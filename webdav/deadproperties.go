package webdav

import (
	"errors"
	"maps"
	"slices"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// deadProperties gives what clients have stored on a resource: what the file
// system keeps, and what it could not hold and the handler keeps itself.
func (r *request) deadProperties(s subject) (map[string]davxml.Element, error) {
	var stored map[string]string
	if !isPlaceholder(s.info) {
		var err error
		if stored, err = r.files.properties(s.name, s.info); err != nil {
			return nil, err
		}
	}
	found := map[string]davxml.Element{}
	for _, props := range []map[string]string{stored, r.handler.props.Get(s.name)} {
		for key, value := range props {
			element, err := davxml.ParseElement(value)
			if err != nil {
				r.handler.opts.log.Warn("a stored property cannot be read", "path", s.name, "property", key, "error", err)
				continue
			}
			found[key] = element
		}
	}
	return found, nil
}

// setDeadProperties stores and removes properties, all or nothing: in the file
// system, or where that cannot hold them in the handler's own store. What one
// of the two gets is taken out of the other, so that there is one value.
func (r *request) setDeadProperties(s subject, set map[string]string, remove []string) error {
	// If some are kept here already, the file system has refused before.
	if isPlaceholder(s.info) || len(r.handler.props.Get(s.name)) > 0 {
		return r.setOwn(s, set, remove)
	}
	err := r.files.setProperties(s.name, set, remove)
	if errors.Is(err, errors.ErrUnsupported) {
		return r.setOwn(s, set, remove)
	}
	return err
}

// setOwn keeps properties in the handler's own store and takes them out of the
// file system, or leaves both as they were.
func (r *request) setOwn(s subject, set map[string]string, remove []string) error {
	name := s.name
	before := r.handler.props.Get(name)
	if err := r.handler.props.Set(name, set, remove); err != nil {
		return err
	}
	if isPlaceholder(s.info) {
		return nil
	}
	err := r.dropStored(name, slices.Concat(slices.Collect(maps.Keys(set)), remove))
	if err == nil {
		return nil
	}
	var added []string
	for key := range set {
		if _, ok := before[key]; !ok {
			added = append(added, key)
		}
	}
	return errors.Join(err, r.handler.props.Set(name, before, added))
}

// dropStored removes from the file system those of the properties that it has.
func (r *request) dropStored(name string, keys []string) error {
	stored, err := r.files.properties(name, nil)
	if err != nil {
		return err
	}
	keys = slices.DeleteFunc(keys, func(key string) bool {
		_, ok := stored[key]
		return !ok
	})
	if len(keys) == 0 {
		return nil
	}
	return r.files.setProperties(name, nil, keys)
}
