package yandex_test

import (
	"errors"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/ownname"
)

// TestUndoAfterALostAnswer: what was put aside under one of davdisk's own names is given
// back at once, though the answer to that was lost. Only for a moment more it may be put
// aside again by the same request.
func TestUndoAfterALostAnswer(t *testing.T) {
	for _, late := range []bool{false, true} {
		aside := ownname.Sibling("d", "aside")
		srv, b, c := lost(t, emulator.MoveResource, yandex.Config{})
		srv.ClearFaults()
		srv.SetKnobs(func(k *emulator.Knobs) { k.Async = "never" })
		fault := emulator.Fault{Endpoint: emulator.MoveResource, Reset: true, After: true}
		if late {
			fault = emulator.Fault{Endpoint: emulator.MoveResource, Late: 9 * time.Second}
		}
		srv.Inject(fault, emulator.Fault{Endpoint: emulator.GetResource, Status: 500, Times: -1})
		if err := move(b, "d", aside, false); !errors.Is(err, backend.ErrUncertain) {
			t.Fatalf("it answered %v", err)
		}
		srv.ClearFaults()
		if late {
			if err := move(b, "d", aside, false); err != nil {
				t.Errorf("again, it answered %v", err)
			}
		}
		if err := b.Move(t.Context(), aside, "d", backend.MoveOptions{Back: true}); err != nil {
			t.Errorf("back, it answered %v", err)
		}
		if err := put(b, "d/x", "newer"); err != nil {
			t.Errorf("afterwards it answered %v", err)
		}
		c.pass(time.Hour)
		hold(t, srv, map[string]string{"/d/x": "newer"}, nil)
		if n := yandex.LostChanges(b); n != 0 {
			t.Errorf("%d are taken for open", n)
		}
	}
}

// TestLateRenameOfATemporaryName: the service renames an upload late. What was stored
// under the name meanwhile stays; without its source it is not renamed at all.
func TestLateRenameOfATemporaryName(t *testing.T) {
	for _, removed := range []bool{false, true} {
		srv, b, c := lost(t, emulator.MoveResource, yandex.Config{UploadViaTempName: true})
		if !removed {
			srv.Inject(emulator.Fault{Endpoint: emulator.DeleteResource, Times: -1, Status: 503})
		}
		if err := put(b, "f", "new"); !errors.Is(err, backend.ErrUncertain) {
			t.Fatalf("it answered %v", err)
		}
		if n := yandex.LostChanges(b); removed != (n == 0) {
			t.Errorf("the temporary file being removed %v, %d renames are taken for open", removed, n)
		}
		if removed {
			srv.ClearFaults()
		}
		if err := put(b, "f", "newer"); removed != (err == nil) || !removed && !errors.Is(err, backend.ErrLocked) {
			t.Errorf("the temporary file being removed %v, it was answered %v", removed, err)
		}
		srv.ClearFaults()
		c.pass(time.Minute)
		if err := put(b, "f", "newest"); err != nil {
			t.Errorf("later it was answered %v", err)
		}
		c.pass(time.Hour)
		hold(t, srv, map[string]string{"/f": "newest"}, nil)
	}
}
