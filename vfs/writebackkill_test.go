package vfs_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
)

// written is a row of changes, each with what is there afterwards.
func written() []struct {
	do    func(f *vfs.FS) error
	after string
} {
	put := func(name, content string) func(f *vfs.FS) error {
		return func(f *vfs.FS) error {
			_, err := f.Put(name, strings.NewReader(content), int64(len(content)), time.Time{}, "", false)
			return err
		}
	}
	return []struct {
		do    func(f *vfs.FS) error
		after string
	}{
		{put("/kept", "new"), "kept=new"},
		{put("/a", "1"), "a=1 kept=new"},
		{put("/a", "2"), "a=2 kept=new"},
		{func(f *vfs.FS) error { return f.Delete("/a", "") }, "kept=new"},
		{put("/a", "3"), "a=3 kept=new"},
		{func(f *vfs.FS) error { return f.Move("/a", "/b", false) }, "b=3 kept=new"},
		{put("/a", "4"), "a=4 b=3 kept=new"},
		{put("/b", "5"), "a=4 b=5 kept=new"},
		{func(f *vfs.FS) error { return f.Delete("/kept", "") }, "a=4 b=5"},
		{func(f *vfs.FS) error { return f.Move("/a", "/b", true) }, "b=4"},
		{put("/b", "6"), "b=6"},
	}
}

// TestWriteBackKilled kills the process at every call to the store that changes
// something, before it has reached the store or after, and holds what the next
// start makes of it against what was acknowledged: all of that is there, and of
// the change under way all or nothing.
func TestWriteBackKilled(t *testing.T) {
	if os.Getenv("DAVDISK_TEST_URL") != "" {
		writeBackAndDie(t)
		return
	}
	disk := startEmulator(t, emulator.Options{})
	for _, when := range []string{"before", "after"} {
		for at := 1; ; at++ {
			root, state := fmt.Sprintf("%s-%d", when, at), t.TempDir()
			if err := connect(t, disk, yandex.Config{}).Mkdir(t.Context(), root); err != nil {
				t.Fatal(err)
			}
			open := func(opts ...vfs.Option) *vfs.FS {
				return newFS(t, connect(t, disk, yandex.Config{Root: root}), opts...)
			}
			f := open()
			write(t, f, "/kept", "old")
			f.Close()

			child := exec.Command(os.Args[0], "-test.run=^TestWriteBackKilled$")
			child.Env = append(os.Environ(), "DAVDISK_TEST_URL="+disk.URL, "DAVDISK_TEST_TOKEN="+disk.Token,
				"DAVDISK_TEST_ROOT="+root, "DAVDISK_TEST_STATE="+state, fmt.Sprintf("DAVDISK_TEST_STEP=%d %s", at, when))
			out, err := child.Output()
			acknowledged := 0
			for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
				if strings.HasPrefix(lines.Text(), "acknowledged") {
					acknowledged++
				}
			}
			if err == nil {
				break // there are no more steps
			}
			if child.ProcessState.ExitCode() != killed {
				t.Fatalf("%v: %s", err, out)
			}
			states := []string{"kept=old"}
			for _, change := range written() {
				states = append(states, change.after)
			}
			may := states[acknowledged : acknowledged+1 : acknowledged+1]
			if acknowledged+1 < len(states) {
				may = append(may, states[acknowledged+1])
			}
			id := fmt.Sprintf("killed %s step %d, %d acknowledged", when, at, acknowledged)
			f = open(vfs.WithStateDir(state), vfs.WithWriteBack(1<<20))
			if seen := tree(t, f); !slices.Contains(may, seen) {
				t.Errorf("%s: the next start shows %q, want one of %q", id, seen, may)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if files, _ := f.Queued(); files != 0 {
				t.Errorf("%s: %d files still wait", id, files)
			}
			if stored := tree(t, open()); !slices.Contains(may, stored) {
				t.Errorf("%s: the store has %q, want one of %q", id, stored, may)
			}
		}
	}
}

func writeBackAndDie(t *testing.T) {
	var at int64
	var when string
	if _, err := fmt.Sscan(os.Getenv("DAVDISK_TEST_STEP"), &at, &when); err != nil {
		t.Fatal(err)
	}
	b, err := yandex.New(yandex.Config{
		APIURL: os.Getenv("DAVDISK_TEST_URL"), Token: yandex.StaticToken(os.Getenv("DAVDISK_TEST_TOKEN")),
		Root: os.Getenv("DAVDISK_TEST_ROOT"), Rate: -1, RetryWait: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := newFS(t, &deadly{Backend: b, at: at, after: when == "after"}, vfs.WithStateDir(os.Getenv("DAVDISK_TEST_STATE")), vfs.WithWriteBack(1<<20))
	for _, change := range written() {
		if err := change.do(f); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// deadly is a store that kills the process with one of its calls.
type deadly struct {
	*yandex.Backend
	at    int64 // which one, from 1
	after bool  // once it has been done
	count atomic.Int64
}

func (d *deadly) step(do func() error) error {
	now := d.count.Add(1) == d.at
	if now && !d.after {
		os.Exit(killed)
	}
	err := do()
	if now {
		os.Exit(killed)
	}
	return err
}

func (d *deadly) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (info backend.Info, err error) {
	err = d.step(func() error { info, err = d.Backend.Put(ctx, name, body, opts); return err })
	return info, err
}

func (d *deadly) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	return d.step(func() error { return d.Backend.Remove(ctx, name, opts) })
}

func (d *deadly) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	return d.step(func() error { return d.Backend.Move(ctx, from, to, opts) })
}
