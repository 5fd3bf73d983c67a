package vfs_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// folderSpaces is a store with a space for each folder of the root.
type folderSpaces struct {
	*memory.Backend
	usageIn func(ctx context.Context, name string) (backend.Space, error)
}

func (s *folderSpaces) UsageIn(ctx context.Context, name string) (backend.Space, error) {
	return s.usageIn(ctx, name)
}

// TestUsageIn: a store is asked by folders of the root alone, and what one caller
// gives up or may not see is not told to another.
func TestUsageIn(t *testing.T) {
	var asked []string
	s := &folderSpaces{Backend: memory.New(memory.Options{})}
	s.usageIn = func(ctx context.Context, name string) (backend.Space, error) {
		asked = append(asked, name)
		if len(backend.Confinement(ctx)) > 0 {
			return backend.Space{}, backend.PathError("usage", name, fs.ErrPermission, "")
		}
		return backend.Space{Total: 9, Used: int64(len(name))}, nil
	}
	// A queue before the store hides its abilities.
	f := newFS(t, s, vfs.WithPollInterval(time.Hour), vfs.WithStateDir(t.TempDir()), vfs.WithWriteBack(1<<20))
	for name, want := range map[string]error{
		"/": errors.ErrUnsupported, "": fs.ErrNotExist, "/ab": nil, "/ab/c/d": nil, "ab/": nil,
		"/../ab": nil, "/a\x00b": fs.ErrInvalid,
	} {
		total, used, err := f.UsageIn(name)
		if !errors.Is(err, want) || (err == nil) != (want == nil) || want == nil && (total != 9 || used != 2) {
			t.Errorf("%q: %d of %d, %v; want %v", name, used, total, err, want)
		}
	}
	if strings.Join(asked, " ") != "ab" {
		t.Errorf("asked about %q", asked)
	}
	confined, err := f.Confine("/other")
	if err != nil {
		t.Fatal(err)
	}
	if _, used, err := confined.(*vfs.FS).UsageIn("/abc"); used != 3 || err != nil {
		t.Errorf("a confined caller: %d, %v", used, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	answer := s.usageIn
	s.usageIn = func(ctx context.Context, name string) (backend.Space, error) {
		cancel()
		<-ctx.Done()
		return backend.Space{}, ctx.Err()
	}
	if _, _, err := f.WithContext(ctx).(*vfs.FS).UsageIn("/given-up"); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	s.usageIn = answer
	if _, used, err := f.UsageIn("/given-up"); used != 8 || err != nil {
		t.Errorf("after another gave up: %d, %v", used, err)
	}
	for i := range 2000 { // names that are no folders take no room for long
		_, _, _ = f.UsageIn(strings.Repeat("x", i%200+1) + strings.Repeat("y", i/200))
	}

	g := newFS(t, memory.New(memory.Options{Total: 9}))
	if _, _, err := g.UsageIn("/ab"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("one space for all: %v", err)
	}
}

// TestTheLargestFileOfAFolder: a file is measured by the limit of the store that
// its folder is on, before any of it is read.
func TestTheLargestFileOfAFolder(t *testing.T) {
	var asked []string
	s := &folderSpaces{Backend: memory.New(memory.Options{})}
	s.usageIn = func(_ context.Context, name string) (backend.Space, error) {
		asked = append(asked, name)
		return map[string]backend.Space{"small": {MaxFile: 1 << 30}, "large": {MaxFile: 50 << 30}}[name], nil
	}
	f := newFS(t, s, vfs.WithPollInterval(time.Hour))
	for _, folder := range []string{"small", "large", "unlimited"} {
		if err := f.Mkdir("/"+folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("the body was read")
	for _, test := range []struct {
		name string
		size int64
		want error
	}{
		{"/small/f", 2 << 30, backend.ErrTooLarge},
		{"/small/../small/f", 2 << 30, backend.ErrTooLarge},
		{"/small/f", 1 << 30, broken},
		{"/large/f", 2 << 30, broken},
		{"/large/f", 51 << 30, backend.ErrTooLarge},
		{"/unlimited/f", 51 << 30, broken},
		{"/f", 51 << 30, broken},
	} {
		body := readerFunc(func([]byte) (int, error) { return 0, broken })
		_, err := f.Put(test.name, body, test.size, time.Time{}, "", false)
		if !errors.Is(err, test.want) {
			t.Errorf("%s of %d bytes: %v, want %v", test.name, test.size, err, test.want)
		}
		var status interface{ HTTPStatus() (int, time.Duration) }
		if code := 0; errors.Is(test.want, backend.ErrTooLarge) {
			if errors.As(err, &status) {
				code, _ = status.HTTPStatus()
			}
			if code != http.StatusRequestEntityTooLarge {
				t.Errorf("%s of %d bytes: %d", test.name, test.size, code)
			}
		}
	}
	// What is known by now also ends a body of unknown length.
	endless := readerFunc(func(p []byte) (int, error) { clear(p); return len(p), nil })
	s.usageIn = func(context.Context, string) (backend.Space, error) { return backend.Space{MaxFile: 1 << 20}, nil }
	if _, _, err := f.UsageIn("/tiny"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Put("/tiny/f", endless, -1, time.Time{}, "", false); !errors.Is(err, backend.ErrTooLarge) {
		t.Errorf("of unknown length: %v", err)
	}
	if strings.Join(asked, " ") != "small large unlimited" {
		t.Errorf("asked about %q", asked)
	}
}
