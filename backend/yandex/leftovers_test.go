package yandex_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// TestTemporaryFilesAreRemoved: what a change that failed has left under a
// temporary name, and could not remove, is removed later: by the same davdisk,
// when it ends, or by the next one if it was killed.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	ctx := context.Background()
	upload := func(b *yandex.Backend) error { return put(b, "d/f", "new") }
	replaced := map[string]string{"/d/f": "old", "/d/g": "another"}
	for what, c := range map[string]struct {
		knobs  emulator.Knobs
		faults []emulator.Fault
		do     func(b *yandex.Backend) error
	}{
		"an upload that cannot be renamed": {
			faults: []emulator.Fault{{Endpoint: emulator.MoveResource, Status: 503, Times: -1}, {Endpoint: emulator.DeleteResource, Status: 503, Times: -1}}, do: upload,
		},
		"without effect": {knobs: emulator.Knobs{Async: "always", OperationNoEffect: true}, do: upload},
		"an upload that cannot be confirmed": {
			faults: []emulator.Fault{{Endpoint: emulator.GetResource, Status: 503, Times: -1}, {Endpoint: emulator.DeleteResource, Status: 503, Times: -1}}, do: upload,
		},
		"a copy that cannot be renamed": {
			knobs:  emulator.Knobs{CopyOverwriteRefused: true},
			faults: []emulator.Fault{{Endpoint: emulator.MoveResource, Status: 503, Times: -1}, {Endpoint: emulator.DeleteResource, Status: 503, Times: -1}},
			do: func(b *yandex.Backend) error {
				return b.Copy(ctx, "d/g", "d/f", backend.CopyOptions{Overwrite: true})
			},
		},
	} {
		for _, end := range []string{"later", "at the end", "after a kill", "later, elsewhere"} {
			t.Run(what+", "+end, func(t *testing.T) {
				t.Parallel()
				state := t.TempDir()
				later := make(chan time.Time, 1)
				srv, b := start(t, emulator.Options{Knobs: c.knobs}, yandex.Config{
					StateDir: state, UploadViaTempName: true,
					After: func(d time.Duration) <-chan time.Time {
						if d >= time.Minute {
							return later
						}
						return time.After(d / 100)
					},
				})
				plant(t, srv, replaced)
				for _, f := range c.faults {
					srv.Inject(f)
				}
				if err := c.do(b); err == nil {
					t.Fatal("it succeeded")
				}
				if temporary(srv) == 0 {
					t.Fatal("nothing is left, so this shows nothing")
				}
				srv.ClearFaults()
				srv.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
				var minutes chan time.Time
				switch end {
				case "later, elsewhere":
					if err := b.Move(ctx, "d", "e", backend.MoveOptions{}); err != nil {
						t.Fatal(err)
					}
					minutes = later
				case "later":
					minutes = later
				case "at the end":
					if err := b.Close(); err != nil {
						t.Error(err)
					}
					// An operation that was begun before may still hold the file.
					if c.knobs.OperationNoEffect && temporary(srv) > 0 {
						end = "by the next one"
						connect(t, srv, yandex.Config{StateDir: state})
					}
				default:
					left := t.TempDir()
					if err := os.CopyFS(left, os.DirFS(state)); err != nil {
						t.Fatal(err)
					}
					connect(t, srv, yandex.Config{StateDir: left})
				}
				for began := time.Now(); temporary(srv) > 0; time.Sleep(10 * time.Millisecond) {
					if end == "at the end" || time.Since(began) > testwait.Limit(t) {
						t.Fatal("a temporary file is left")
					}
					select {
					case minutes <- time.Time{}: // after which a removal that failed is tried again
					default:
					}
				}
				if end == "later, elsewhere" {
					hold(t, srv, map[string]string{"/e/f": "old", "/e/g": "another"}, nil)
				} else {
					hold(t, srv, replaced, nil)
				}
			})
		}
	}
}

// temporary counts the temporary files.
func temporary(srv *emulator.Server) (n int) {
	for _, e := range srv.Dump() {
		if strings.Contains(e.Path, "/.davdisk-") {
			n++
		}
	}
	return n
}
