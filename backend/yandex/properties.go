package yandex

import (
	"context"
	"io/fs"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// maxProperties is how long all properties of an item may be together, names
// and values, in characters (API reference, "Adding metainformation").
const (
	maxProperties     = 1024
	tooManyProperties = "all properties of a file together may have 1024 characters"
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

// kept are the properties of an item without the one that holds the
// modification time; never nil.
func properties(r *api.Resource) map[string]string {
	props := map[string]string{}
	for key, value := range r.Custom {
		if key != timeProperty {
			props[key] = value
		}
	}
	return props
}

// SetProperties implements backend.Propertier. All properties of an item
// together may have 1024 characters, those of other applications included.
func (b *Backend) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	change := map[string]any{}
	for _, key := range remove {
		change[key] = nil // which deletes it
	}
	size := 0
	for key, value := range set {
		change[key] = value
		size += utf8.RuneCountInString(key) + utf8.RuneCountInString(value)
	}
	if _, taken := change[timeProperty]; taken {
		return backend.PathError("properties", name, fs.ErrInvalid, "the modification time has its own call")
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
	if hasCode(err, "FieldValidationError") { // with those of others it is too much
		err = &backend.Error{Kind: backend.ErrTooLarge, Message: tooManyProperties}
	}
	return pathError("properties", name, err)
}
