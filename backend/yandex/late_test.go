package yandex_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// What was just stored is never said to be missing, though the service may
// know of it a moment later only.
func TestLateMetadata(t *testing.T) {
	ctx := context.Background()
	for what, do := range map[string]func(b *yandex.Backend) error{
		"stat":       func(b *yandex.Backend) error { _, err := b.Stat(ctx, "d/f"); return err },
		"properties": func(b *yandex.Backend) error { return b.SetProperties(ctx, "d/f", map[string]string{"a": "b"}, nil) },
		"remove":     func(b *yandex.Backend) error { return b.Remove(ctx, "d/f", backend.RemoveOptions{}) },
		"move":       func(b *yandex.Backend) error { return b.Move(ctx, "d/f", "g", backend.MoveOptions{}) },
		"copy":       func(b *yandex.Backend) error { return b.Copy(ctx, "d/f", "g", backend.CopyOptions{}) },
		"put again": func(b *yandex.Backend) error {
			_, err := b.Put(ctx, "d/f", strings.NewReader("newer"), backend.PutOptions{Size: 5, IfVersion: "another"})
			if errors.Is(err, backend.ErrChanged) && !errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return err
		},
		"list": func(b *yandex.Backend) error {
			if names := entries(t, b, "d"); !slices.Contains(names, "f") {
				return fs.ErrNotExist
			}
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			srv, b := start(t, emulator.Options{Now: quickly()}, yandex.Config{RetryWait: 100 * time.Millisecond})
			plant(t, srv, map[string]string{"/d/other": "x"})
			srv.SetKnobs(func(k *emulator.Knobs) { k.MetadataDelay = 2 * time.Second })
			if err := put(b, "d/f", "new"); err != nil {
				t.Fatal(err)
			}
			if err := do(b); err != nil {
				t.Errorf("it failed: %v", err)
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
