package cmd

import (
	"errors"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// beginLogin starts a login that the emulator's person has not seen yet.
func beginLogin(t *testing.T) (*emulator.Server, *lines, chan error) {
	t.Helper()
	disk := onDisk(t)
	t.Setenv("DAVDISK_TOKEN", "")
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval = 1 })
	log, cancel, ended := begin(t, "login", "--client-id", "some-id", "--client-secret-file", file(t, "some-secret"))
	t.Cleanup(cancel)
	return disk, log, ended
}

func TestLoginRefusedIsTold(t *testing.T) {
	disk, log, ended := beginLogin(t)
	if !disk.DenyDevice(log.wait(t, `type this code:\s+(\S+)\s`)) {
		t.Fatal("the emulator does not know the code")
	}
	if err := <-ended; !errors.Is(err, yandex.ErrDenied) {
		t.Errorf("it ended with %v", err)
	}
	if strings.Contains(log.String(), "some-secret") {
		t.Error("the secret was shown")
	}
}

func TestACodeThatLapsesIsFollowedByAnother(t *testing.T) {
	disk := onDisk(t)
	t.Setenv("DAVDISK_TOKEN", "")
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval, k.DeviceCodeLife = 1, 1 })
	log, cancel, ended := begin(t, "login", "--client-id", "some-id", "--client-secret-file", file(t, "some-secret"))
	defer cancel()
	first := log.wait(t, `type this code:\s+(\S+)\s`)
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceCodeLife = 0 })
	second := log.wait(t, `(?s)The code has lapsed.*type this code:\s+(\S+)\s`)
	if first == second || !disk.ApproveDevice(second) {
		t.Fatalf("the codes were %s and %s", first, second)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	log.wait(t, "Logged in as")
}
