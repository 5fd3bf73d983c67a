package vfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
)

// costs are what operations may ask of the store: with the listing of the
// parent fresh, and with nothing known. In between everything is in /dir.
func costs() []struct {
	doing      string
	do         func(f *vfs.FS) error
	warm, cold string
	api        [2]int // calls to the API of Yandex Disk, warm and cold
	transfers  int
} {
	missing := func(err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("%v, want not exist", err)
	}
	put := func(name string, size int) func(f *vfs.FS) error {
		return func(f *vfs.FS) error {
			_, err := f.Put(name, strings.NewReader(strings.Repeat("x", size)), int64(size), time.Time{}, "", false)
			return err
		}
	}
	return []struct {
		doing      string
		do         func(f *vfs.FS) error
		warm, cold string
		api        [2]int
		transfers  int
	}{
		{"describe a file", func(f *vfs.FS) error { _, err := f.Stat("/dir/a"); return err }, "", "1 list", [2]int{0, 1}, 0},
		{"describe what is not there", func(f *vfs.FS) error { _, err := f.Stat("/dir/._a"); return missing(err) }, "", "1 list", [2]int{0, 1}, 0},
		{"open what is not there", func(f *vfs.FS) error { _, err := f.Open("/dir/._a"); return missing(err) }, "", "1 list", [2]int{0, 1}, 0},
		{"list a folder", func(f *vfs.FS) error {
			h, err := f.Open("/dir")
			if err != nil {
				return err
			}
			defer h.Close()
			if _, err := h.Stat(); err != nil {
				return err
			}
			infos, err := h.Readdir(-1)
			if err == nil && len(infos) != 3 {
				err = fmt.Errorf("%d entries", len(infos))
			}
			return err
		}, "", "1 list", [2]int{0, 1}, 0},
		{"read a file", func(f *vfs.FS) error { _, err := afero.ReadFile(f, "/dir/a"); return err }, "1 range", "1 list, 1 range", [2]int{0, 1}, 2},
		{"read from the middle on", func(f *vfs.FS) error {
			h, err := f.Open("/dir/a")
			if err != nil {
				return err
			}
			defer h.Close()
			if _, err := h.Seek(2, io.SeekStart); err != nil {
				return err
			}
			_, err = io.ReadFull(h, make([]byte, 2))
			return err
		}, "1 range", "1 list, 1 range", [2]int{0, 1}, 2},
		{"store a new file", put("/dir/new", 5), "1 put", "1 put", [2]int{2, 3}, 1},
		{"replace a file", put("/dir/a", 5), "1 put", "1 put", [2]int{2, 3}, 1},
		{"store a large file", put("/dir/new", 9<<20), "1 put", "1 put", [2]int{2, 3}, 1},
		{"make a folder", func(f *vfs.FS) error { return f.Mkdir("/dir/new", 0o777) }, "1 mkdir", "1 mkdir", [2]int{1, 1}, 0},
		{"delete a file", func(f *vfs.FS) error { return f.Delete("/dir/a", "") }, "1 remove", "1 remove", [2]int{1, 2}, 0},
		{"delete a tree", func(f *vfs.FS) error { return f.Delete("/dir/sub", "") }, "1 remove", "1 remove", [2]int{1, 2}, 0},
		{"move to a free name", func(f *vfs.FS) error { return f.Move("/dir/a", "/dir/new", true) }, "1 move", "1 list, 1 move", [2]int{1, 3}, 0},
		{"move a file over a file", func(f *vfs.FS) error { return f.Move("/dir/a", "/dir/b", true) }, "1 move", "1 list, 1 move", [2]int{1, 3}, 0},
		{"copy a tree", func(f *vfs.FS) error { return f.Copy("/dir/sub", "/dir/new", true, -1) }, "1 copy", "1 copy, 1 list", [2]int{1, 3}, 0},
		{"copy a file over a file", func(f *vfs.FS) error { return f.Copy("/dir/a", "/dir/b", true, -1) }, "1 copy", "1 copy, 1 list", [2]int{1, 3}, 0},
		{"move a folder over a file", func(f *vfs.FS) error { return f.Move("/dir/sub", "/dir/a", true) }, "2 move, 1 remove", "1 list, 2 move, 1 remove", [2]int{3, 5}, 0},
		{"copy a folder over a file", func(f *vfs.FS) error { return f.Copy("/dir/sub", "/dir/a", true, -1) }, "1 copy, 1 move, 1 remove", "1 copy, 1 list, 1 move, 1 remove", [2]int{3, 5}, 0},
	}
}

// budgetFixture fills a store from the side.
func budgetFixture(t *testing.T, f *vfs.FS) {
	t.Helper()
	for _, dir := range []string{"/dir", "/dir/sub"} {
		if err := f.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, f, "/dir/a", "content of a")
	write(t, f, "/dir/b", "content of b")
	write(t, f, "/dir/sub/c", "content of c")
}

func TestBudget(t *testing.T) {
	for _, cost := range costs() {
		for i, want := range []string{cost.warm, cost.cold} {
			t.Run(fmt.Sprintf("%s/%s", cost.doing, []string{"warm", "cold"}[i]), func(t *testing.T) {
				c := newCounting(memory.Options{})
				budgetFixture(t, newFS(t, c))
				f := newFS(t, c)
				if i == 0 {
					if _, err := afero.ReadDir(f, "/dir"); err != nil {
						t.Fatal(err)
					}
				}
				c.calls()
				if err := cost.do(f); err != nil {
					t.Fatal(err)
				}
				c.wants(t, cost.doing, want)
			})
		}
	}
}

// TestBudgetYandex holds the same on the emulator, where it is its own count
// of requests that must be in the budget.
func TestBudgetYandex(t *testing.T) {
	for _, cost := range costs() {
		for i, state := range []string{"warm", "cold"} {
			t.Run(fmt.Sprintf("%s/%s", cost.doing, state), func(t *testing.T) {
				srv := startEmulator(t, emulator.Options{Knobs: emulator.Knobs{Async: "never"}})
				budgetFixture(t, newFS(t, connect(t, srv, yandex.Config{})))
				f := newFS(t, connect(t, srv, yandex.Config{}))
				if i == 0 {
					if _, err := afero.ReadDir(f, "/dir"); err != nil {
						t.Fatal(err)
					}
				}
				srv.ResetCounters()
				if err := cost.do(f); err != nil {
					t.Fatal(err)
				}
				got := srv.Counters()
				if got.API() > cost.api[i] || got.Transfers() > cost.transfers {
					t.Errorf("%d calls to the API, at most %d allowed; %d transfers, at most %d allowed",
						got.API(), cost.api[i], got.Transfers(), cost.transfers)
				}
			})
		}
	}
}

func TestOwnWritesNeedNoListing(t *testing.T) {
	c := newCounting(memory.Options{})
	f := newFS(t, c)
	if err := f.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := afero.ReadDir(f, "/"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "/d/a", "1")
	write(t, f, "/d/b", "2")
	if err := f.Move("/d/a", "/d/c", false); err != nil {
		t.Fatal(err)
	}
	if err := f.Copy("/d", "/e", false, -1); err != nil {
		t.Fatal(err)
	}
	if err := f.Move("/d", "/g", false); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete("/g/b", ""); err != nil {
		t.Fatal(err)
	}
	c.calls()
	for name, want := range map[string]string{"/": "e g", "/g": "c"} {
		infos, err := afero.ReadDir(f, name)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, info := range infos {
			names = append(names, info.Name())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	c.wants(t, "list what we have changed", "")
	if got, want := tree(t, f), "e/ e/b=2 e/c=1 g/ g/c=1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestManyMissesMakeOneRequest(t *testing.T) {
	c := newCounting(memory.Options{})
	budgetFixture(t, newFS(t, c))
	f := newFS(t, c)
	c.calls()
	const readers = 50
	var arrived sync.WaitGroup
	arrived.Add(readers)
	c.gate = func(op, _ string) { arrived.Wait() } // until all have come
	var done sync.WaitGroup
	for i := range readers {
		done.Go(func() {
			arrived.Done()
			name := []string{"/dir/a", "/dir/b", "/dir/none"}[i%3]
			if _, err := f.Stat(name); (err != nil) != (i%3 == 2) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	done.Wait()
	c.gate = nil
	c.wants(t, "fifty misses on one folder", "1 list")
}

func TestWideFolderIsNotListedForOneName(t *testing.T) {
	c := newCounting(memory.Options{})
	side := newFS(t, c)
	for i := range 3500 {
		write(t, side, fmt.Sprintf("/f%04d", i), "")
	}
	f := newFS(t, c)
	c.calls()
	for range 2 {
		if _, err := f.Stat("/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	c.wants(t, "two looks into a wide folder", "1 list, 2 stat")
	infos, err := afero.ReadDir(f, "/")
	if err != nil || len(infos) != 3500 {
		t.Fatalf("%d entries, %v", len(infos), err)
	}
	if _, err := f.Stat("/f1234"); err != nil {
		t.Fatal(err)
	}
	c.wants(t, "listing it, then a look", "1 list")
}

func TestUsageIsAskedOnceAnInterval(t *testing.T) {
	c, now := newCounting(memory.Options{Total: 100}), newClock()
	f := newFS(t, c, vfs.WithClock(now.Now))
	for range 3 {
		if total, used, err := f.Usage(); total != 100 || used != 0 || err != nil {
			t.Errorf("%d of %d, %v", used, total, err)
		}
	}
	c.wants(t, "asking three times", "1 usage")
	now.Advance(5 * time.Second)
	if _, _, err := f.Usage(); err != nil {
		t.Fatal(err)
	}
	c.wants(t, "asking after five seconds", "1 usage")
}

// TestBudgetOfOneFolder reads what is in a folder that has not been listed. Calls
// are those to the API, whatever they ask for, beside the transfers.
func TestBudgetOfOneFolder(t *testing.T) {
	srv := startEmulator(t, emulator.Options{})
	const files, large = 200, 8 << 20
	if err := srv.Mkdir("/d"); err != nil {
		t.Fatal(err)
	}
	if err := srv.WriteFile("/d/large", make([]byte, large)); err != nil {
		t.Fatal(err)
	}
	for i := range files {
		if err := srv.WriteFile(fmt.Sprintf("/d/%03d", i), []byte(strings.Repeat("x", 4096))); err != nil {
			t.Fatal(err)
		}
	}
	now := newClock() // stands still, however long the test takes
	open := func() *vfs.FS {
		srv.ResetCounters()
		return newFS(t, connect(t, srv, yandex.Config{}), vfs.WithClock(now.Now))
	}

	f := open()
	var next atomic.Int32
	var reading sync.WaitGroup
	for range 8 {
		reading.Go(func() {
			for i := next.Add(1) - 1; i < files; i = next.Add(1) - 1 {
				if data, err := afero.ReadFile(f, fmt.Sprintf("/d/%03d", i)); err != nil || len(data) != 4096 {
					t.Errorf("%d: %d bytes, %v", i, len(data), err)
				}
			}
		})
	}
	reading.Wait()
	if got := srv.Counters(); got.API() > 12 || got.Transfers() != files {
		t.Errorf("%d files took %d calls and %d transfers: %v", files, got.API(), got.Transfers(), got.By)
	}

	f = open()
	for i := range 100 {
		h, err := f.Open("/d/large")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.ReadAt(make([]byte, 64<<10), int64(i)*large/101); err != nil {
			t.Error(err)
		}
		h.Close()
	}
	if got := srv.Counters(); got.API() > 3 || got.Transfers() != 100 {
		t.Errorf("100 ranges took %d calls and %d transfers: %v", got.API(), got.Transfers(), got.By)
	}
}
