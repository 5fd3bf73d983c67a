package yandex_test

import (
	"context"
	"errors"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestReadingNeedsNoRoom has a service that refuses to serve with the statuses
// of an upload that does not fit: nobody is told to make room.
func TestReadingNeedsNoRoom(t *testing.T) {
	ctx := context.Background()
	for _, status := range []int{413, 507} {
		for endpoint, read := range map[emulator.Endpoint]func(b *yandex.Backend) error{
			emulator.Storage:     func(b *yandex.Backend) error { _, err := read(b, "f", 0, -1); return err },
			emulator.Download:    func(b *yandex.Backend) error { _, err := read(b, "f", 0, 3); return err },
			emulator.GetResource: func(b *yandex.Backend) error { _, err := b.Stat(ctx, "f"); return err },
			emulator.DiskInfo:    func(b *yandex.Backend) error { _, err := b.Usage(ctx); return err },
		} {
			srv, b := start(t, emulator.Options{}, yandex.Config{})
			plant(t, srv, map[string]string{"/f": "content"})
			srv.Inject(emulator.Fault{Endpoint: endpoint, Status: status, Times: -1})
			err := read(b)
			if !errors.Is(err, backend.ErrUnavailable) || errors.Is(err, backend.ErrQuota) || errors.Is(err, backend.ErrTooLarge) {
				t.Errorf("%s answered %d: %v", endpoint, status, err)
			}
		}
	}
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	srv.Inject(emulator.Fault{Endpoint: emulator.UploadLink, Status: 507})
	expectKind(t, "put", put(b, "f", "x"), backend.ErrQuota)
}
