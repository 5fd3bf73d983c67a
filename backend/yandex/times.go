package yandex

import (
	"context"
	"net/url"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// timeProperty holds the modification time, as rclone keeps it too: RFC 3339
// with nanoseconds. The service has no call to set the time itself.
const timeProperty = "rclone_modified"

func (r *resource) modTime() (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, r.Custom[timeProperty])
	return t, err == nil && !t.IsZero()
}

type times struct{ b *Backend }

func openTimes(b *Backend) (*times, error)            { return &times{b}, nil }
func (t *times) Close() error                         { return nil }
func (t *times) show(path string, info *backend.Info) {}
func (t *times) later(path, version string, when time.Time) {
	t.b.api.do(context.Background(), request{call: patchResource, query: url.Values{"path": {path}, "fields": {"type"}},
		body: map[string]any{"custom_properties": map[string]any{timeProperty: when.UTC().Format(time.RFC3339Nano)}}})
}
func (t *times) forget(path string)     {}
func (t *times) moved(from, to string)  {}
func (t *times) copied(from, to string) {}

// SetModTime implements backend.ModTimer.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	if err := checkName("chtimes", name); err != nil {
		return err
	}
	return pathError("chtimes", name, b.patch(ctx, name, map[string]any{timeProperty: t.UTC().Format(time.RFC3339Nano)}))
}

func (b *Backend) patch(ctx context.Context, name string, props map[string]any) error {
	_, err := b.api.do(ctx, request{
		call:  patchResource,
		query: url.Values{"path": {b.path(name)}, "fields": {resourceFields}},
		body:  map[string]any{"custom_properties": props},
	})
	return err
}
