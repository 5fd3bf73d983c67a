package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testclock"
)

// What was just stored is never said to be missing, though the service may
// know of it a moment later only.
func TestLateMetadata(t *testing.T) {
	for what, do := range uses() {
		t.Run(what, func(t *testing.T) {
			srv, b := start(t, emulator.Options{Now: quickly()}, yandex.Config{RetryWait: 100 * time.Millisecond})
			plant(t, srv, map[string]string{"/d/other": "x"})
			srv.SetKnobs(func(k *emulator.Knobs) { k.MetadataDelay = 2 * time.Second })
			if err := put(b, "d/f", "new"); err != nil {
				t.Fatal(err)
			}
			if err := do(t, b); err != nil {
				t.Errorf("it failed: %v", err)
			}
		})
	}
}

// uses are what fails where the file d/f is said to be missing.
func uses() map[string]func(t *testing.T, b *yandex.Backend) error {
	ctx := context.Background()
	return map[string]func(t *testing.T, b *yandex.Backend) error{
		"stat": func(t *testing.T, b *yandex.Backend) error { _, err := b.Stat(ctx, "d/f"); return err },
		"properties": func(t *testing.T, b *yandex.Backend) error {
			return b.SetProperties(ctx, "d/f", map[string]string{"a": "b"}, nil)
		},
		"remove": func(t *testing.T, b *yandex.Backend) error { return b.Remove(ctx, "d/f", backend.RemoveOptions{}) },
		"move":   func(t *testing.T, b *yandex.Backend) error { return b.Move(ctx, "d/f", "g", backend.MoveOptions{}) },
		"copy":   func(t *testing.T, b *yandex.Backend) error { return b.Copy(ctx, "d/f", "g", backend.CopyOptions{}) },
		"put again": func(t *testing.T, b *yandex.Backend) error {
			_, err := b.Put(ctx, "d/f", strings.NewReader("newer"), backend.PutOptions{Size: 5, IfVersion: "another"})
			if errors.Is(err, backend.ErrChanged) && !errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return err
		},
		"list": func(t *testing.T, b *yandex.Backend) error {
			if names := entries(t, b, "d"); !slices.Contains(names, "f") {
				return fs.ErrNotExist
			}
			return nil
		},
	}
}

// TestLateMetadataAfterRestart: what was just stored is not said to be missing
// by the next davdisk either, if a part of the service that lags behind answers
// it. One that was killed leaves its state as one that has ended does; it was
// written without a sync for each upload.
func TestLateMetadataAfterRestart(t *testing.T) {
	for what, do := range uses() {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, killed %v", what, killed), func(t *testing.T) {
				state := t.TempDir()
				srv, b := start(t, emulator.Options{Now: quickly()}, yandex.Config{StateDir: state, RetryWait: 100 * time.Millisecond})
				plant(t, srv, map[string]string{"/d/other": "x"})
				if err := put(b, "d/f", "new"); err != nil {
					t.Fatal(err)
				}
				if killed {
					left := t.TempDir()
					if err := os.CopyFS(left, os.DirFS(state)); err != nil {
						t.Fatal(err)
					}
					state = left
				} else if err := b.Close(); err != nil {
					t.Fatal(err)
				}
				srv.SetKnobs(func(k *emulator.Knobs) { k.MetadataDelay = 2 * time.Second })
				next := connect(t, srv, yandex.Config{StateDir: state, RetryWait: 100 * time.Millisecond})
				if err := do(t, next); err != nil {
					t.Errorf("it failed: %v", err)
				}
			})
		}
	}
}

// TestNotStoredAnyMore: what was moved, removed or lost with its folder since it
// was stored, or was stored long ago, is told to be missing at once, before a
// restart and after it.
func TestNotStoredAnyMore(t *testing.T) {
	ctx := context.Background()
	for what, change := range map[string]func(b *yandex.Backend, clock *testclock.Clock) error{
		"removed": func(b *yandex.Backend, _ *testclock.Clock) error {
			return b.Remove(ctx, "d/f", backend.RemoveOptions{})
		},
		"removed with its folder": func(b *yandex.Backend, _ *testclock.Clock) error {
			return b.Remove(ctx, "d", backend.RemoveOptions{})
		},
		"moved": func(b *yandex.Backend, _ *testclock.Clock) error {
			return b.Move(ctx, "d/f", "g", backend.MoveOptions{})
		},
		"moved with its folder": func(b *yandex.Backend, _ *testclock.Clock) error {
			return b.Move(ctx, "d", "e", backend.MoveOptions{})
		},
		"long ago": func(b *yandex.Backend, clock *testclock.Clock) error {
			clock.Advance(11 * time.Second)
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			state, clock := t.TempDir(), testclock.At(time.Now())
			cfg := yandex.Config{StateDir: state, Now: clock.Now}
			srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{Async: "never"}}, cfg)
			plant(t, srv, map[string]string{"/d/other": "x"})
			if err := errors.Join(put(b, "d/f", "new"), change(b, clock), b.Close()); err != nil {
				t.Fatal(err)
			}
			if what == "long ago" {
				if err := srv.Remove("disk:/d/f"); err != nil {
					t.Fatal(err)
				}
			}
			cfg.After = func(time.Duration) <-chan time.Time { t.Error("it waits"); return time.After(0) }
			if err := missing(connect(t, srv, cfg), "d/f"); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nobody waits for what is not late but gone: what is missing for other reasons
// is told at once.
func TestMissingIsNotLate(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{
		After: func(time.Duration) <-chan time.Time { t.Error("it waits"); return nil },
	})
	plant(t, srv, map[string]string{"/d/f": "x", "/e/other": "y"})
	for i, do := range []func() error{
		func() error { return put(b, "d/g", "new") },
		func() error { return b.Remove(ctx, "d/g", backend.RemoveOptions{}) },
		func() error { return missing(b, "d/g") },
		func() error { return put(b, "d/g", "new") },
		func() error { srv.SetKnobs(func(k *emulator.Knobs) { k.Async = "never" }); return nil },
		func() error { return b.Move(ctx, "d", "moved", backend.MoveOptions{}) },
		func() error { return b.Move(ctx, "e", "d", backend.MoveOptions{}) },
		func() error { return missing(b, "d/g") },
		func() error { return missing(b, "never/there") },
		func() error { entries(t, b, "d"); return nil },
	} {
		if err := do(); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

func missing(b *yandex.Backend, name string) error {
	if _, err := b.Stat(context.Background(), name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(errors.New(name+" is not said to be missing"), err)
	}
	return nil
}

// entries are the names in a folder.
func entries(t *testing.T, b *yandex.Backend, name string) (names []string) {
	t.Helper()
	_, children, err := b.List(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	return names
}

// A folder that is in use was not made now, whatever became of an answer: to
// believe that would make it look empty.
func TestFolderInUseIsNotNew(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/d/f": "x"})
	for _, known := range []bool{false, true} {
		if known {
			entries(t, b, ".")
		}
		srv.Inject(emulator.Fault{Endpoint: emulator.MakeFolder, Status: 503})
		if err := b.Mkdir(ctx, "d"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("known %v: after a fault it was answered %v, want that it exists", known, err)
		}
	}
}

// A folder that was moved is not taken for a file that may be overwritten, and
// what was seen in a folder says nothing of another one in its place.
func TestOverwriteSparesFolders(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{Async: "never"}}, yandex.Config{})
	plant(t, srv, map[string]string{"/f": "f", "/d/x/inside": "1", "/e/x": "a file", "/unseen/inside": "2"})
	for i, do := range []func() error{
		func() error { _, err := b.Stat(ctx, "f"); return err },
		func() error { return b.Move(ctx, "unseen", "seen", backend.MoveOptions{}) },
		func() error { entries(t, b, "e"); return nil },
		func() error { return b.Move(ctx, "e", "away", backend.MoveOptions{}) },
		func() error { return b.Move(ctx, "d", "e", backend.MoveOptions{}) },
	} {
		if err := do(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	for _, target := range []string{"seen", "e/x"} {
		if err := b.Move(ctx, "f", target, backend.MoveOptions{Overwrite: true}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a file over the folder %s was answered %v, want that it exists", target, err)
		}
	}
	for _, name := range []string{"/e/x/inside", "/seen/inside", "/f"} {
		if _, err := srv.Stat(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
