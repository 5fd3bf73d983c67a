package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// hostileNames are names that would lead elsewhere, to the root among others, or
// that the service does not take.
func hostileNames() []string {
	return []string{
		"", "/", "..", "../f", "a/..", "a/../b", "./f", "/a", "a/", "a//b", "f/.", "a\x00b", "\x00", "a\xff", "\xed\xa0\x80",
		strings.Repeat("é", 256), "d/" + strings.Repeat("x", 256),
	}
}

// withoutName are the methods that take no name, or ask the service nothing.
const withoutName = " Account Capabilities Close Discard EmptyTrash Files Identity Learn Name Public Rate Revision Shared SyncTimes Trash Usage VersionOf "

// TestHostileNames calls every method with names that no backend may be asked
// for: nothing may be asked of the service. A method without a row is an error.
func TestHostileNames(t *testing.T) {
	ctx := t.Context()
	when := time.Unix(1e9, 0)
	for _, root := range []string{"", "disk:/d", "app:/"} {
		for _, cfg := range []yandex.Config{{Root: root}, {Root: root, UploadViaTempName: true}} {
			t.Run(fmt.Sprintf("%s, via a temporary name %v", root, cfg.UploadViaTempName), func(t *testing.T) {
				srv, b := start(t, emulator.Options{}, cfg)
				plant(t, srv, map[string]string{"/f": "content", "/d/f": "content"})
				if err := errors.Join(put(b, "f", "content"), b.Mkdir(ctx, "sub"), put(b, "sub/f", "content")); err != nil {
					t.Fatal(err)
				}
				// What is known saves calls, and must not save the check.
				f, err := b.Stat(ctx, "f")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := b.Stat(ctx, "."); err != nil {
					t.Fatal(err)
				}
				address, err := b.Share(ctx, "sub")
				if err != nil {
					t.Fatal(err)
				}
				public, err := b.Public(ctx, address)
				if err != nil {
					t.Fatal(err)
				}
				for m, call := range namedMethods(ctx, b, f.Version, address, when) {
					refusesHostile(t, srv, m, call, fs.ErrInvalid)
				}
				for m, call := range namedPublicMethods(ctx, public, f.Version) {
					refusesHostile(t, srv, "public "+m, call, fs.ErrInvalid, fs.ErrPermission)
				}
				complete(t, b, namedMethods(ctx, b, "", "", when))
				complete(t, public, namedPublicMethods(ctx, public, ""))
			})
		}
	}
}

// named are calls by method; a name after the method tells its arguments apart.
type named map[string]func(name string) error

func namedMethods(ctx context.Context, b *yandex.Backend, version, address string, when time.Time) named {
	return named{
		"Stat":           func(name string) error { _, err := b.Stat(ctx, name); return err },
		"List":           func(name string) error { _, _, err := b.List(ctx, name); return err },
		"ListSome":       func(name string) error { _, _, _, err := b.ListSome(ctx, name, 1); return err },
		"Omitted":        func(name string) error { _, err := b.Omitted(ctx, name); return err },
		"Open":           func(name string) error { _, err := b.Open(ctx, name, ""); return err },
		"Open a version": func(name string) error { _, err := b.Open(ctx, name, version); return err },
		"Put":            func(name string) error { return put(b, name, "x") },
		"Put if absent": func(name string) error {
			_, err := b.Put(ctx, name, strings.NewReader("x"), backend.PutOptions{Size: 1, IfAbsent: true})
			return err
		},
		"Mkdir":         func(name string) error { return b.Mkdir(ctx, name) },
		"Remove":        func(name string) error { return b.Remove(ctx, name, backend.RemoveOptions{}) },
		"Remove empty":  func(name string) error { return b.Remove(ctx, name, backend.RemoveOptions{IfEmpty: true}) },
		"Move from":     func(name string) error { return b.Move(ctx, name, "g", backend.MoveOptions{Overwrite: true}) },
		"Move to":       func(name string) error { return b.Move(ctx, "f", name, backend.MoveOptions{Overwrite: true}) },
		"Move onto":     func(name string) error { return b.Move(ctx, name, name, backend.MoveOptions{}) },
		"Copy from":     func(name string) error { return b.Copy(ctx, name, "g", backend.CopyOptions{Overwrite: true}) },
		"Copy to":       func(name string) error { return b.Copy(ctx, "f", name, backend.CopyOptions{Overwrite: true}) },
		"SetModTime":    func(name string) error { return b.SetModTime(ctx, name, when) },
		"Learn":         func(name string) error { b.Learn(name, version); _, err := b.Stat(ctx, name); return err }, // which must not find it
		"Properties":    func(name string) error { _, err := b.Properties(ctx, name); return err },
		"SetProperties": func(name string) error { return b.SetProperties(ctx, name, map[string]string{"a": "b"}, nil) },
		"Share":         func(name string) error { _, err := b.Share(ctx, name); return err },
		"Unshare":       func(name string) error { return b.Unshare(ctx, name) },
		"Link":          func(name string) error { _, err := b.Link(ctx, name); return err },
		"Fetch":         func(name string) error { return b.Fetch(ctx, name, "https://example.org/x") },
		"Preview":       func(name string) error { _, err := b.Preview(ctx, name, 100); return err },
		"Restore": func(name string) error {
			if name == "" { // to where it was
				return fs.ErrInvalid
			}
			_, err := b.Restore(ctx, "trash:/f_1", name, true)
			return err
		},
		"SavePublic to":   func(name string) error { return b.SavePublic(ctx, address, ".", name) },
		"SavePublic from": func(name string) error { return b.SavePublic(ctx, address, name, "saved") },
	}
}

func namedPublicMethods(ctx context.Context, p backend.Backend, version string) named {
	return named{
		"Stat":           func(name string) error { _, err := p.Stat(ctx, name); return err },
		"List":           func(name string) error { _, _, err := p.List(ctx, name); return err },
		"Open":           func(name string) error { _, err := p.Open(ctx, name, ""); return err },
		"Open a version": func(name string) error { _, err := p.Open(ctx, name, version); return err },
		"Link":           func(name string) error { _, err := backend.DownloadLink(ctx, p, name); return err },
		"Put": func(name string) error {
			_, err := p.Put(ctx, name, strings.NewReader("x"), backend.PutOptions{Size: 1})
			return err
		},
		"Mkdir":  func(name string) error { return p.Mkdir(ctx, name) },
		"Remove": func(name string) error { return p.Remove(ctx, name, backend.RemoveOptions{}) },
		"Move":   func(name string) error { return p.Move(ctx, name, "g", backend.MoveOptions{}) },
	}
}

// refusesHostile fails unless every hostile name is refused without a call.
func refusesHostile(t *testing.T, srv *emulator.Server, method string, call func(string) error, kinds ...error) {
	t.Helper()
	for _, name := range hostileNames() {
		before := srv.Counters()
		err := call(name)
		refused := false
		for _, kind := range kinds {
			refused = refused || errors.Is(err, kind)
		}
		if !refused {
			t.Errorf("%s of %.20q answered %v", method, name, err)
		}
		if after := srv.Counters(); !reflect.DeepEqual(after, before) {
			t.Errorf("%s of %.20q asked the service: %+v, before %+v", method, name, after, before)
		}
	}
}

// complete fails for methods that no call is for.
func complete(t *testing.T, b any, calls named) {
	t.Helper()
	covered := withoutName
	for method := range calls {
		word, _, _ := strings.Cut(method, " ")
		covered += word + " "
	}
	for m := range reflect.TypeOf(b).Methods() {
		if !strings.Contains(covered, " "+m.Name+" ") {
			t.Errorf("%T.%s is not tried with hostile names", b, m.Name)
		}
	}
}
