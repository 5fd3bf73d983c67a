package webdav

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// deadProperties returns the properties that clients have stored on a resource:
// those kept by the file system, and those kept by the handler because the file
// system could not.
func (r *request) deadProperties(s subject) (map[string]davxml.Element, error) {
	var stored map[string]string
	if !isPlaceholder(s.info) {
		var err error
		if stored, err = r.files.properties(s.name, s.info); err != nil {
			return nil, err
		}
	}
	own := r.handler.props.Get(s.name)
	if len(stored)+len(own) == 0 {
		return nil, nil
	}
	found := map[string]davxml.Element{}
	for _, props := range []map[string]string{stored, own} {
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

// setDeadProperties atomically stores and removes properties: in the file
// system or, if that cannot keep them, in the handler's own store. A property
// stored in one is removed from the other, so that there is one value.
func (r *request) setDeadProperties(s subject, set map[string]string, remove []string) error {
	// Properties in the handler's store mean that the file system has refused
	// before.
	if isPlaceholder(s.info) || len(r.handler.props.Get(s.name)) > 0 {
		return r.setOwn(s, set, remove)
	}
	err := r.files.setProperties(s.name, set, remove)
	if errors.Is(err, errors.ErrUnsupported) {
		return r.setOwn(s, set, remove)
	}
	return err
}

// setOwn keeps properties in the handler's own store and removes them from the
// file system, or leaves both unchanged. It ends the reservation if it can.
func (r *request) setOwn(s subject, set map[string]string, remove []string) error {
	name := s.name
	var stored []string
	if !isPlaceholder(s.info) {
		var err error
		if stored, err = r.stored(name, slices.Concat(slices.Collect(maps.Keys(set)), remove)); err != nil {
			return err
		}
	}
	if len(stored) == 0 {
		parts, err := r.handler.props.Setting(name, set, remove)
		if err != nil {
			return err
		}
		r.reserved.Record(parts...)
		return r.finish(lock.Changed{Path: name})
	}
	before := r.handler.props.Get(name)
	if err := r.setMeanwhile(name, set, remove); err != nil {
		return err
	}
	err := r.files.setProperties(name, nil, stored)
	if err == nil {
		return nil
	}
	var added []string
	for key := range set {
		if _, ok := before[key]; !ok {
			added = append(added, key)
		}
	}
	return errors.Join(err, r.setMeanwhile(name, before, added))
}

// setMeanwhile changes properties in the handler's own store while the name stays
// reserved.
func (r *request) setMeanwhile(name string, set map[string]string, remove []string) error {
	parts, err := r.handler.props.Setting(name, set, remove)
	if err != nil {
		return err
	}
	return r.reserved.Meanwhile(context.WithoutCancel(r.Context()), parts...)
}

// stored returns those of the properties that the file system has.
func (r *request) stored(name string, keys []string) ([]string, error) {
	stored, err := r.files.properties(name, nil)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(keys, func(key string) bool {
		_, ok := stored[key]
		return !ok
	}), nil
}
