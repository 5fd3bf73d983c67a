package webdav

import (
	"errors"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
)

// storeFs is the file system on a store of its own, which ends with it.
type storeFs struct {
	*vfs.FS
	end func() error
}

func (f storeFs) Close() error { return errors.Join(f.FS.Close(), f.end()) }

// TestEachTwoRequestsAreSerialOnStores is TestEachTwoRequestsAreSerial for the
// requests that differ most, over what davdisk serves. How long the fast one is
// waited for decides how much is seen, and not what is right.
func TestEachTwoRequestsAreSerialOnStores(t *testing.T) {
	testlevel.NeedMore(t)
	calls := []call{
		{"PUT", "/d/f", "", "If: ({T})"},
		{"PUT", "/d/n", "", ""},
		{"PUT", "/e/f", "", ""},
		{"DELETE", "/d/f", "", "If: ({T})"},
		{"DELETE", "/e", "", ""},
		{"MKCOL", "/d/n", "", ""},
		{"COPY", "/d", "/n", ""},
		{"COPY", "/e/f", "/d/f", "If: </d/f> ({T})"},
		{"MOVE", "/d", "/n", "If: </d/f> ({T})"},
		{"MOVE", "/e", "/n", ""},
		{"MOVE", "/e/f", "/d/n", ""},
		{"PROPPATCH", "/e/f", "", ""},
		{"PROPPATCH", "/d", "", ""},
		{"LOCK", "/e/f", "", "Depth: 0"},
		{"LOCK", "/e", "", "Depth: infinity"},
		{"LOCK", "/d", "", "Depth: 0"},
		{"UNLOCK", "/d/f", "", "Lock-Token: {T}"},
	}
	serve := func(t *testing.T, store backend.Backend, err error, end func() error) capableLike {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		files, err := vfs.New(store)
		if err != nil {
			t.Fatal(err)
		}
		return filled(t, storeFs{files, end})
	}
	for name, newFs := range map[string]func(t *testing.T) capableLike{
		"local": func(t *testing.T) capableLike {
			store, err := local.New(t.TempDir(), local.Options{})
			return serve(t, store, err, func() error { return nil })
		},
		"yandex": func(t *testing.T) capableLike {
			disk, err := emulator.Start(emulator.Options{})
			if err != nil {
				t.Fatal(err)
			}
			store, err := yandex.New(yandex.Config{
				APIURL: disk.URL, Token: yandex.StaticToken(disk.Token), Rate: -1,
				ModTimeWait: time.Millisecond, // Close waits for it
			})
			return serve(t, store, err, disk.Close)
		},
	} {
		if name == "yandex" && !testlevel.Long() {
			continue // each meeting has a disk of its own, which takes two minutes
		}
		t.Run(name, func(t *testing.T) {
			pairs, stages := 0, 0
			for _, slow := range calls {
				t.Run(slow.String(), func(t *testing.T) {
					m := meeting{
						files:  func() capableLike { return newFs(t) },
						locked: call{"LOCK", "/d/f", "", "Depth: 0"},
						settle: func(ended <-chan struct{}) {
							select {
							case <-ended:
							case <-time.After(50 * time.Millisecond):
							}
						},
					}
					for _, fast := range calls {
						pairs, stages = pairs+1, stages+m.meet(t, slow, fast)
					}
				})
			}
			t.Logf("%d pairs, %d meetings", pairs, stages)
		})
	}
}
