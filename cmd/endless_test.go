package cmd

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// TestInterruptedOperation interrupts a deletion that the service takes very long
// for. The command ends, and says that the outcome is unknown; the queue has the
// name.
func TestInterruptedOperation(t *testing.T) {
	disk := onDisk(t)
	if err := disk.Mkdir("disk:/large"); err != nil {
		t.Fatal(err)
	}
	disk.SetKnobs(func(k *emulator.Knobs) { k.Async, k.OperationDelay = "always", time.Hour })
	_, cancel, ended := begin(t, "rm", "-r", "yandex:large")
	for deadline := time.Now().Add(testwait.Limit(t)); disk.Counters().By[emulator.GetOperation] == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the operation is not asked for")
		}
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, backend.ErrUncertain) || !strings.Contains(err.Error(), "the service is still at it") {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(testwait.Limit(t)):
		t.Fatal("it goes on")
	}
	if listed := queue(t); !strings.Contains(listed, "large") {
		t.Errorf("davdisk queue tells %q", listed)
	}
}
