package yandex

import (
	"context"
	"io/fs"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// maxProperties limits the names and values of all properties of an item
// together, in characters (API reference, "Adding metainformation").
const (
	maxProperties     = 1024
	tooManyProperties = "the properties of a file may not exceed 1024 characters in total"
)

// Properties implements backend.Propertier. The property that holds the
// modification time is not shown.
func (b *Backend) Properties(ctx context.Context, name string) (map[string]string, error) {
	r, err := b.look(ctx, name)
	if err != nil {
		return nil, pathError("properties", name, err)
	}
	return properties(r), nil
}

// properties returns the custom properties of an item, except the one that
// holds the modification time. The map is never nil.
func properties(r *api.Resource) map[string]string {
	props := map[string]string{}
	for key, value := range r.Custom {
		if key != timeProperty {
			props[key] = value
		}
	}
	return props
}

// SetProperties implements backend.Propertier. The properties of an item,
// including those set by other applications, may not exceed 1024 characters in
// total.
func (b *Backend) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	change := map[string]any{}
	for _, key := range remove {
		change[key] = nil // deletes it
	}
	size := 0
	for key, value := range set {
		change[key] = value
		size += utf8.RuneCountInString(key) + utf8.RuneCountInString(value)
	}
	if _, taken := change[timeProperty]; taken {
		return backend.PathError("properties", name, fs.ErrInvalid, "this property holds the modification time and is set by SetModTime")
	}
	if size > maxProperties {
		return backend.PathError("properties", name, backend.ErrTooLarge, tooManyProperties)
	}
	unlock, err := b.lock(ctx, name)
	if err != nil {
		return pathError("properties", name, err)
	}
	defer unlock()
	_, err = b.patch(ctx, name, change)
	if hasCode(err, "FieldValidationError") { // the limit includes properties of other applications
		err = &backend.Error{Kind: backend.ErrTooLarge, Message: tooManyProperties}
	}
	return pathError("properties", name, err)
}
