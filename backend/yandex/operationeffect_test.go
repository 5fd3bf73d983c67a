package yandex_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestOperationsWithoutEffect makes every change that may be an operation on a
// service that tells of success and changes nothing. None is told to be done;
// once the service does what it says, each is.
func TestOperationsWithoutEffect(t *testing.T) {
	ctx := context.Background()
	trashedID := func(b *yandex.Backend) (id string, err error) {
		for entry, err := range b.Trash(ctx) {
			if err != nil {
				return "", err
			}
			id = entry.ID
		}
		return id, nil
	}
	for name, do := range map[string]func(b *yandex.Backend) error{
		"remove a file":    func(b *yandex.Backend) error { return b.Remove(ctx, "d/f", backend.RemoveOptions{}) },
		"remove a tree":    func(b *yandex.Backend) error { return b.Remove(ctx, "d", backend.RemoveOptions{}) },
		"remove for good":  func(b *yandex.Backend) error { return b.Remove(ctx, "d", backend.RemoveOptions{Permanent: true}) },
		"move a file":      func(b *yandex.Backend) error { return b.Move(ctx, "d/f", "new", backend.MoveOptions{}) },
		"move over a file": func(b *yandex.Backend) error { return b.Move(ctx, "d/f", "d/g", backend.MoveOptions{Overwrite: true}) },
		"move a tree":      func(b *yandex.Backend) error { return b.Move(ctx, "d", "new", backend.MoveOptions{}) },
		"copy a file":      func(b *yandex.Backend) error { return b.Copy(ctx, "d/f", "new", backend.CopyOptions{}) },
		"copy over a file": func(b *yandex.Backend) error { return b.Copy(ctx, "d/f", "d/g", backend.CopyOptions{Overwrite: true}) },
		"copy a tree":      func(b *yandex.Backend) error { return b.Copy(ctx, "d", "new", backend.CopyOptions{}) },
		"empty the trash":  func(b *yandex.Backend) error { return b.EmptyTrash(ctx) },
		"restore": func(b *yandex.Backend) error {
			id, err := trashedID(b)
			_, second := b.Restore(ctx, id, "new", false)
			return errors.Join(err, second)
		},
		"restore over": func(b *yandex.Backend) error {
			id, err := trashedID(b)
			_, second := b.Restore(ctx, id, "d/f", true)
			return errors.Join(err, second)
		},
		"discard": func(b *yandex.Backend) error { id, err := trashedID(b); return errors.Join(err, b.Discard(ctx, id)) },
		"save what is public": func(b *yandex.Backend) error {
			address, err := b.Share(ctx, "d")
			return errors.Join(err, b.SavePublic(ctx, address, ".", "new"))
		},
		"upload from an address":     func(b *yandex.Backend) error { return b.Fetch(ctx, "new", "https://example.com/f") },
		"upload by a temporary name": func(b *yandex.Backend) error { return put(b, "d/f", "content") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said logText
			srv, b := start(t, emulator.Options{}, yandex.Config{
				UploadViaTempName: strings.Contains(name, "temporary"), Log: slog.New(slog.NewTextHandler(&said, nil)),
			})
			plant(t, srv, map[string]string{"/d/f": "one", "/d/g": "another", "/trashed": "x"})
			if err := srv.AddFake("https://example.com/f", []byte("fetched")); err != nil {
				t.Fatal(err)
			}
			if err := b.Remove(ctx, "trashed", backend.RemoveOptions{}); err != nil {
				t.Fatal(err)
			}
			before := len(srv.Dump())
			srv.SetKnobs(func(k *emulator.Knobs) {
				*k = emulator.Knobs{Async: "always", OperationPolls: 1, OperationNoEffect: true, UploadNoEffect: name == "upload from an address"}
			})
			expectKind(t, name, do(b), backend.ErrUncertain)
			if after := len(srv.Dump()); after != before && !strings.Contains(name, "temporary") { // whose removal has no effect either
				t.Errorf("there were %d entries, and are %d", before, after)
			}
			hold(t, srv, map[string]string{"/d/f": "one", "/d/g": "another"}, nil)
			srv.SetKnobs(func(k *emulator.Knobs) { k.OperationNoEffect, k.UploadNoEffect = false, false })
			if err := do(b); err != nil {
				t.Errorf("with an effect it is %v", err)
			}
		})
	}
}
