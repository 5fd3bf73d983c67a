package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestManyMayPrepareTheSameFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state")
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = Prepare(dir) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if err := Prepare(dir); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestAProcessThatWasStoppedWhilePreparingDoesNotSpoilTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "version"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(dir); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "version")); err != nil || string(data) != "2\n" {
		t.Errorf("the version is %q, %v", data, err)
	}
}

// TestVersions: a folder of an earlier version becomes one of this, so that the
// earlier program leaves it alone; one of a later version stays as it is.
func TestVersions(t *testing.T) {
	for version, want := range map[string]string{"1\n": "2\n", "2\n": "2\n", "3\n": "3\n", "x": "x"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "version")
		if err := errors.Join(os.Chmod(dir, 0o700), os.WriteFile(file, []byte(version), 0o600)); err != nil {
			t.Fatal(err)
		}
		err := Prepare(dir)
		if data, _ := os.ReadFile(file); string(data) != want || (err == nil) != (want == "2\n") {
			t.Errorf("version %q became %q, %v", version, data, err)
		}
	}
}

func TestASecondOneIsLockedOut(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(dir, "yandex-default")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir, "yandex-default"); err == nil || !strings.Contains(err.Error(), "another davdisk") {
		t.Errorf("a second lock: %v", err)
	}
	other, err := Lock(dir, "yandex-work")
	if err != nil {
		t.Errorf("another account: %v", err)
	} else if err := other(); err != nil {
		t.Error(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	again, err := Lock(dir, "yandex-default")
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}
