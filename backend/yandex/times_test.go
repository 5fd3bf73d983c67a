package yandex_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

var when = time.Date(2015, 5, 17, 4, 3, 2, 123456789, time.UTC)

func putAt(t *testing.T, b *yandex.Backend, name, content string, modTime time.Time) backend.Info {
	t.Helper()
	info, err := b.Put(context.Background(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content)), ModTime: modTime})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// wantTime checks the time that Stat and List show.
func wantTime(t *testing.T, b *yandex.Backend, name string, want time.Time) {
	t.Helper()
	info, err := b.Stat(context.Background(), name)
	if err != nil || !info.ModTime.Equal(want) {
		t.Errorf("stat of %s says %v, %v, want %v", name, info.ModTime, err, want)
	}
	dir := filepath.ToSlash(filepath.Dir(name))
	_, children, err := b.List(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for info := range children {
		if info.Name == filepath.Base(name) && !info.ModTime.Equal(want) {
			t.Errorf("the listing says %v for %s, want %v", info.ModTime, name, want)
		}
	}
}

func property(t *testing.T, srv *emulator.Server, path string) string {
	t.Helper()
	e, err := srv.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return e.Properties["rclone_modified"]
}

// TestTimesHold writes a time to a service that loses it, fails or is slow to
// show the file, as it was seen to do soon after an upload.
func TestTimesHold(t *testing.T) {
	for name, knobs := range map[string]emulator.Knobs{
		"at once":  {},
		"lost":     {PatchLost: 150 * time.Millisecond},
		"refused":  {PatchFails: 150 * time.Millisecond},
		"hidden":   {MetadataDelay: 100 * time.Millisecond},
		"accepted": {Upload202: true, OperationPolls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, b := start(t, emulator.Options{Knobs: knobs}, yandex.Config{ModTimeWait: 20 * time.Millisecond, RetryWait: 20 * time.Millisecond, After: time.After})
			if info := putAt(t, b, "Ж # +.txt", "content", when); !info.ModTime.Equal(when) {
				t.Errorf("put says %v", info.ModTime)
			}
			if knobs.MetadataDelay == 0 {
				wantTime(t, b, "Ж # +.txt", when)
			}
			eventually(t, "the time is with the service", func() bool {
				return property(t, srv, "/Ж # +.txt") == "2015-05-17T04:03:02.123456789Z"
			})
			eventually(t, "it was read back", func() bool { return pendingTimes(b) == 0 })
			wantTime(t, b, "Ж # +.txt", when)
		})
	}
}

// pendingTimes looks from outside whether times are still to be written: what
// is shown then is not what the service says.
func pendingTimes(b *yandex.Backend) int { return yandex.PendingTimes(b) }

// TestTimesSurvive leaves a time in the journal, as a process that is killed
// does, for the next one.
func TestTimesSurvive(t *testing.T) {
	ctx := context.Background()
	srv, err := emulator.Start(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	state := t.TempDir()
	killed := connect(t, srv, yandex.Config{StateDir: state, ModTimeWait: time.Hour, Root: "/"})
	if err := killed.Mkdir(ctx, "d"); err != nil {
		t.Fatal(err)
	}
	putAt(t, killed, "d/f", "content", when)
	putAt(t, killed, "d/gone", "content", when)
	putAt(t, killed, "d/moved", "content", when)
	putAt(t, killed, "d/replaced", "content", when)
	if err := killed.Remove(ctx, "d/gone", backend.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := killed.Move(ctx, "d", "e", backend.MoveOptions{}); err != nil {
		t.Fatal(err)
	}
	wantTime(t, killed, "e/f", when)
	putAt(t, killed, "e/replaced", "other content", time.Time{})
	if got := property(t, srv, "/e/f"); got != "" {
		t.Fatalf("the time is written already: %q", got)
	}

	left := t.TempDir()
	if err := os.CopyFS(left, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	// The last line of a process that was killed may be half.
	files, err := filepath.Glob(filepath.Join(left, "times-*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatalf("journals %v, %v", files, err)
	}
	j, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.WriteString(`01234567 {"key":"half","val`); err != nil {
		t.Fatal(err)
	}
	j.Close()

	next := connect(t, srv, yandex.Config{StateDir: left, ModTimeWait: 10 * time.Millisecond, Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	eventually(t, "the times are with the service", func() bool { return pendingTimes(next) == 0 })
	for path, want := range map[string]string{"/e/f": "2015-05-17T04:03:02.123456789Z", "/e/moved": "2015-05-17T04:03:02.123456789Z", "/e/replaced": ""} {
		if got := property(t, srv, path); got != want {
			t.Errorf("%s has the time %q, want %q", path, got, want)
		}
	}
}

// TestTimeOfAnEarlierProcess leaves a time in the journal. Another program then
// stores other content with a time of its own, which is not touched.
func TestTimeOfAnEarlierProcess(t *testing.T) {
	srv, err := emulator.Start(emulator.Options{Knobs: emulator.Knobs{PatchFails: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	state := t.TempDir()
	b := connect(t, srv, yandex.Config{StateDir: state, ModTimeWait: time.Hour})
	putAt(t, b, "f", "ours", when)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if pendingTimes(b) != 1 {
		t.Fatal("the time is written")
	}
	srv.SetKnobs(func(k *emulator.Knobs) { k.PatchFails = 0 })
	const theirs = "2001-02-03T04:05:06Z"
	if err := errors.Join(srv.WriteFile("/f", []byte("theirs")), srv.SetProperties("/f", map[string]string{"rclone_modified": theirs})); err != nil {
		t.Fatal(err)
	}
	next := connect(t, srv, yandex.Config{StateDir: state, Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	eventually(t, "the time is dropped", func() bool { return pendingTimes(next) == 0 })
	if got := property(t, srv, "/f"); got != theirs {
		t.Errorf("the time of the other program's content is %q", got)
	}
}

// TestTimesOfOthers replaces a file whose properties have a time: the new
// content must not be shown with the time of the old.
func TestTimesOfOthers(t *testing.T) {
	ctx := context.Background()
	for name, knobs := range map[string]emulator.Knobs{"kept": {}, "dropped": {OverwriteDropsProperties: true}} {
		t.Run("ours over another's, properties "+name, func(t *testing.T) {
			srv, b := start(t, emulator.Options{Knobs: knobs}, yandex.Config{})
			plant(t, srv, map[string]string{"/f": "old"})
			if err := srv.SetProperties("/f", map[string]string{"rclone_modified": when.Format(time.RFC3339Nano)}); err != nil {
				t.Fatal(err)
			}
			wantTime(t, b, "f", when)
			before := time.Now().Add(-time.Minute)
			if info := putAt(t, b, "f", "new", time.Time{}); info.ModTime.Before(before) {
				t.Errorf("put says %v", info.ModTime)
			}
			for range 2 {
				if info, err := b.Stat(ctx, "f"); err != nil || info.ModTime.Before(before) {
					t.Errorf("it says %v, %v", info.ModTime, err)
				}
				eventually(t, "all is written", func() bool { return pendingTimes(b) == 0 })
			}
		})
	}
	t.Run("another's over ours", func(t *testing.T) {
		clock := newClock()
		srv, b := start(t, emulator.Options{}, yandex.Config{Now: clock.Now, ModTimeWait: time.Hour, StateDir: t.TempDir()})
		putAt(t, b, "f", "ours", when)
		if err := srv.WriteFile("/f", []byte("theirs")); err != nil {
			t.Fatal(err)
		}
		if info, err := b.Stat(ctx, "f"); err != nil || info.ModTime.Equal(when) {
			t.Errorf("their content is shown with our time: %v, %v", info.ModTime, err)
		}
		if err := b.Close(); err != nil { // which writes what is left
			t.Fatal(err)
		}
		if got := property(t, srv, "/f"); got != "" {
			t.Errorf("their content was given our time %q", got)
		}
	})
}

func TestSetModTime(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/f": "content", "/d/x": "x"})
	for _, name := range []string{"f", "d"} {
		if err := b.SetModTime(ctx, name, when); err != nil {
			t.Fatal(err)
		}
		wantTime(t, b, name, when)
	}
	if err := b.SetModTime(ctx, "missing", when); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing name answered %v", err)
	}
}

// TestCloseWritesTimes closes a backend that has nowhere to keep a journal.
func TestCloseWritesTimes(t *testing.T) {
	srv, b := start(t, emulator.Options{}, yandex.Config{ModTimeWait: 300 * time.Millisecond})
	putAt(t, b, "f", "content", when)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if property(t, srv, "/f") == "" {
		t.Error("the time is lost")
	}
}

// TestSharedState opens a second backend on the state folder of the first. It
// has a journal of its own.
func TestSharedState(t *testing.T) {
	state := t.TempDir()
	srv, first := start(t, emulator.Options{}, yandex.Config{StateDir: state})
	var said strings.Builder
	second := connect(t, srv, yandex.Config{StateDir: state, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if said.Len() > 0 {
		t.Errorf("the log says %q", said.String())
	}
	putAt(t, first, "a", "1", when)
	putAt(t, second, "b", "2", when)
	for _, b := range []*yandex.Backend{first, second} {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/a", "/b"} {
		if property(t, srv, path) == "" {
			t.Errorf("the time of %s is lost", path)
		}
	}
}
