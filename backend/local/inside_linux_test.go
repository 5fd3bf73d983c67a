//go:build !android

package local

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/davdisk/davdisk/backend"
)

// TestTheFolderOfANameIsOpenedOnce counts how often the system opens a folder for
// one call, and what is created in it: not once for each step of the call, nor a
// file only to look at its mode. Two opens without anything between them count once.
func TestTheFolderOfANameIsOpenedOnce(t *testing.T) {
	share := t.TempDir()
	dir := filepath.Join(share, "a", "b")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	b, err := New(share, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.sweeping.Wait()
	put := func() error {
		_, err := b.Put(t.Context(), "a/b/new", strings.NewReader("x"), backend.PutOptions{Size: 1})
		return err
	}
	openat2 := openat2Refused(t)
	for _, call := range []struct {
		name           string
		do             func() error
		opens, creates int
	}{
		{"a new file", put, 4, 1}, // before and after the body: the folder, and the folder to sync it
		{"a replaced file", put, 4, 1},
		{"a removed file", func() error { return b.Remove(t.Context(), "a/b/new", backend.RemoveOptions{}) }, 2, 0},
		{"an opened file", func() error {
			c, err := b.Open(t.Context(), "a/b/f1", "")
			if err == nil {
				err = c.Close()
			}
			return err
		}, 0, 0}, // the system walks the path
		{"a listing", func() error {
			_, entries, err := b.List(t.Context(), "a/b")
			if err != nil {
				return err
			}
			for _, err := range entries {
				if err != nil {
					return err
				}
			}
			return nil
		}, 2, 0},
		{"a copied folder", func() error { return b.Copy(t.Context(), "a/b", "a/copy", backend.CopyOptions{}) }, 3, 0}, // to count what is in it, to list it, and for its files
	} {
		if call.name == "an opened file" && openat2 != nil {
			t.Logf("%s is not counted, because the system does not walk its path: %v", call.name, openat2)
			continue
		}
		events := watch(t, dir)
		if err := call.do(); err != nil {
			t.Fatalf("%s: %v", call.name, err)
		}
		seen := events()
		opens := len(slices.DeleteFunc(slices.Clone(seen), func(mask uint32) bool { return mask != unix.IN_OPEN|unix.IN_ISDIR }))
		creates := len(slices.DeleteFunc(seen, func(mask uint32) bool { return mask != unix.IN_CREATE }))
		if opens > call.opens || creates != call.creates {
			t.Errorf("%s: the folder was opened %d times, and %d files created in it; want at most %d, and %d", call.name, opens, creates, call.opens, call.creates)
		}
	}
}

// TestCount counts no further than it has to.
func TestCount(t *testing.T) {
	share := t.TempDir()
	for _, dir := range []string{"a/b/c", "a/d", "e"} {
		if err := os.MkdirAll(filepath.Join(share, dir), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(share, dir, "f"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	b, err := New(share, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	v := &view{b, b.share, false}
	for _, test := range []struct {
		dir         string
		limit, want int
	}{{"e", 9, 2}, {"a", 9, 6}, {"a", 6, 6}, {"a", 3, 3}, {"a", 1, 1}, {"missing", 9, 1}} {
		if got := v.count(test.dir, test.limit); got != test.want {
			t.Errorf("%s has %d, at most %d; want %d", test.dir, got, test.limit, test.want)
		}
	}
}

// watch returns a function that returns what has happened to a folder since.
func watch(t *testing.T, dir string) (events func() []uint32) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Skipf("the system does not watch folders: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	id, err := unix.InotifyAddWatch(fd, dir, unix.IN_OPEN|unix.IN_CLOSE|unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVE)
	if err != nil {
		t.Fatal(err)
	}
	return func() (masks []uint32) {
		buffer := make([]byte, 64<<10)
		n, err := unix.Read(fd, buffer)
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			var event unix.InotifyEvent
			if _, err := binary.Decode(rest, binary.NativeEndian, &event); err != nil {
				t.Fatal(err)
			}
			if event.Wd == int32(id) {
				masks = append(masks, event.Mask)
			}
			rest = rest[unix.SizeofInotifyEvent+int(event.Len):]
		}
		return masks
	}
}
