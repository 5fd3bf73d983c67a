package yandex_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// visit is one use of a disk whose calls are counted.
type visit struct {
	ctx     context.Context
	b       *yandex.Backend
	version string // of d/f, if its folder was listed
}

func (v *visit) list(name string, want int) error {
	_, children, err := v.b.List(v.ctx, name)
	if err != nil {
		return err
	}
	got := 0
	for info, err := range children {
		if err != nil {
			return err
		}
		if got++; info.Name == "f" {
			v.version = info.Version
		}
	}
	if got != want {
		return fmt.Errorf("%s has %d entries, want %d", name, got, want)
	}
	return nil
}

func (v *visit) read(offset, length int64) error {
	c, err := v.b.Open(v.ctx, "d/f", v.version)
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.Range(v.ctx, offset, length)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

func (v *visit) put(name string, size int, opts backend.PutOptions) error {
	opts.Size = int64(size)
	_, err := v.b.Put(v.ctx, name, bytes.NewReader(bytes.Repeat([]byte("x"), size)), opts)
	return err
}

func (v *visit) refused(name string, size int, opts backend.PutOptions) error {
	if err := v.put(name, size, opts); !errors.Is(err, backend.ErrChanged) {
		return fmt.Errorf("it answered %v", err)
	}
	return nil
}

// TestBudget counts what each operation costs the service, apart from the
// polls of operations.
func TestBudget(t *testing.T) {
	warm := func(v *visit) error { return v.list("d", 4) }
	warmTree := func(v *visit) error { _, err := v.b.Stat(v.ctx, "many"); return err }
	cold := func(*visit) error { return nil }
	when := time.Unix(1e9, 0)
	for _, test := range []struct {
		name                 string
		before, do           func(*visit) error
		api, transfers, hops int
	}{
		{"stat", cold, func(v *visit) error { _, err := v.b.Stat(v.ctx, "d/f"); return err }, 1, 0, 0},
		{"list a few", cold, warm, 1, 0, 0},
		{"list a thousand", cold, func(v *visit) error { return v.list("thousand", 1000) }, 1, 0, 0},
		{"list 2,500", cold, func(v *visit) error { return v.list("many", 2500) }, 3, 0, 0},
		{"list some of 2,500", cold, func(v *visit) error {
			_, children, whole, err := v.b.ListSome(v.ctx, "many", 2499)
			got := 0
			if err == nil {
				for range children {
					got++
				}
			}
			if got != 1000 || whole {
				err = fmt.Errorf("%d entries, whole: %v, %v", got, whole, err)
			}
			return err
		}, 1, 0, 0},
		{"list some, and all of 2,500", cold, func(v *visit) error {
			_, children, whole, err := v.b.ListSome(v.ctx, "many", 2500)
			n, err := counted(backend.Info{}, children, err)
			if n != 2500 || !whole {
				err = fmt.Errorf("%d entries, whole: %v, %v", n, whole, err)
			}
			return err
		}, 3, 0, 0},
		{"read, warm", warm, func(v *visit) error { return v.read(0, -1) }, 0, 1, 1},
		{"read a range, warm", warm, func(v *visit) error { return v.read(3, 5) }, 0, 1, 1},
		{"read again", func(v *visit) error { return errors.Join(warm(v), v.read(0, -1)) }, func(v *visit) error { return v.read(2, 4) }, 0, 1, 0},
		{"read, cold", cold, func(v *visit) error { return v.read(0, -1) }, 1, 1, 1},
		{"put a small file", warm, func(v *visit) error { return v.put("d/new", 5, backend.PutOptions{}) }, 2, 1, 0},
		{"put 8 MiB", warm, func(v *visit) error { return v.put("d/new", 8<<20, backend.PutOptions{}) }, 2, 1, 0},
		{"put more than 8 MiB", warm, func(v *visit) error { return v.put("d/new", 8<<20+1, backend.PutOptions{}) }, 2, 1, 0},
		{"put over a file", warm, func(v *visit) error { return v.put("d/f", 5, backend.PutOptions{}) }, 2, 1, 0},
		{"put with a time", warm, func(v *visit) error { return v.put("d/new", 5, backend.PutOptions{ModTime: when}) }, 2, 1, 0},
		{"put if absent", warm, func(v *visit) error { return v.put("d/new", 5, backend.PutOptions{IfAbsent: true}) }, 2, 1, 0},
		{"put if this version", warm, func(v *visit) error { return v.put("d/f", 5, backend.PutOptions{IfVersion: v.version}) }, 3, 1, 0},
		{"put 8 MiB if this version", warm, func(v *visit) error { return v.put("d/f", 8<<20, backend.PutOptions{IfVersion: v.version}) }, 3, 1, 0},
		{"put more than 8 MiB if this version", warm, func(v *visit) error {
			return v.put("d/f", 8<<20+1, backend.PutOptions{IfVersion: v.version})
		}, 4, 1, 0},
		{"put more than 8 MiB if another version", warm, func(v *visit) error {
			return v.refused("d/f", 8<<20+1, backend.PutOptions{IfVersion: "another"})
		}, 1, 0, 0},
		{"mkdir", warm, func(v *visit) error { return v.b.Mkdir(v.ctx, "d/sub2") }, 1, 0, 0},
		{"remove a file", warm, func(v *visit) error { return v.b.Remove(v.ctx, "d/f", backend.RemoveOptions{}) }, 1, 0, 0},
		{"remove a tree", warm, func(v *visit) error { return v.b.Remove(v.ctx, "many", backend.RemoveOptions{}) }, 2, 0, 0},
		{"remove this version", warm, func(v *visit) error {
			return v.b.Remove(v.ctx, "d/f", backend.RemoveOptions{IfVersion: v.version})
		}, 2, 0, 0},
		{"move a file", warm, func(v *visit) error { return v.b.Move(v.ctx, "d/f", "d/moved", backend.MoveOptions{}) }, 1, 0, 0},
		{"move a tree", warmTree, func(v *visit) error { return v.b.Move(v.ctx, "many", "moved", backend.MoveOptions{}) }, 2, 0, 0},
		{"copy a tree", warmTree, func(v *visit) error { return v.b.Copy(v.ctx, "many", "copied", backend.CopyOptions{}) }, 2, 0, 0},
		{"move over a file, warm", warm, func(v *visit) error { return v.b.Move(v.ctx, "d/f", "d/g", backend.MoveOptions{Overwrite: true}) }, 1, 0, 0},
		{"copy over a file, warm", warm, func(v *visit) error { return v.b.Copy(v.ctx, "d/f", "d/g", backend.CopyOptions{Overwrite: true}) }, 1, 0, 0},
		{"move to a free name with overwrite, warm", warm, func(v *visit) error {
			return v.b.Move(v.ctx, "d/f", "d/moved", backend.MoveOptions{Overwrite: true})
		}, 1, 0, 0},
		{"move over a file, cold", cold, func(v *visit) error { return v.b.Move(v.ctx, "d/f", "d/g", backend.MoveOptions{Overwrite: true}) }, 3, 0, 0},
		{"copy over a file, cold", cold, func(v *visit) error { return v.b.Copy(v.ctx, "d/f", "d/g", backend.CopyOptions{Overwrite: true}) }, 3, 0, 0},
		{"revision and usage", cold, func(v *visit) error {
			_, err := v.b.Revision(v.ctx)
			_, second := v.b.Usage(v.ctx)
			return errors.Join(err, second)
		}, 1, 0, 0},
		{"set the time of an old file", cold, func(v *visit) error { return v.b.SetModTime(v.ctx, "d/f", when) }, 1, 0, 0},
		{"set a time, warm", warm, func(v *visit) error { return v.b.SetModTime(v.ctx, "d/f", when) }, 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// Times are written an hour later, and kept in a journal till then.
			srv, b := start(t, emulator.Options{}, yandex.Config{ModTimeWait: time.Hour, StateDir: t.TempDir()})
			fill(t, srv)
			v := &visit{ctx: t.Context(), b: b}
			if err := test.before(v); err != nil {
				t.Fatal(err)
			}
			srv.ResetCounters()
			if err := test.do(v); err != nil {
				t.Fatal(err)
			}
			c := srv.Counters()
			if api := c.API() - c.By[emulator.GetOperation]; api != test.api || c.Transfers() != test.transfers || c.Hops != test.hops {
				t.Errorf("it took %d calls, %d transfers and %d hops, want %d, %d and %d: %v",
					api, c.Transfers(), c.Hops, test.api, test.transfers, test.hops, c.By)
			}
			if c.TokenLeak > 0 {
				t.Errorf("the token went along with %d transfers", c.TokenLeak)
			}
		})
	}
}

// TestBudgetViaTempName counts what uploads by way of a temporary name cost.
func TestBudgetViaTempName(t *testing.T) {
	for _, size := range []int{5, 8<<20 + 1} {
		for name, test := range map[string]struct {
			warm        bool
			conditional bool
			api         int
		}{
			"warm": {true, false, 3}, "warm, if this version": {true, true, 4},
			"cold": {false, false, 5}, "cold, if this version": {false, true, 4},
		} {
			t.Run(fmt.Sprintf("%d bytes, %s", size, name), func(t *testing.T) {
				srv, b := start(t, emulator.Options{}, yandex.Config{UploadViaTempName: true})
				plant(t, srv, map[string]string{"/d/f": "old"})
				v := &visit{ctx: t.Context(), b: b}
				if err := v.list("d", 1); err != nil {
					t.Fatal(err)
				}
				if !test.warm {
					v.b = connect(t, srv, yandex.Config{UploadViaTempName: true})
				}
				opts, want := backend.PutOptions{}, test.api
				if test.conditional {
					opts.IfVersion = v.version
				}
				srv.ResetCounters()
				if err := v.put("d/f", size, opts); err != nil {
					t.Fatal(err)
				}
				if c := srv.Counters(); c.API()-c.By[emulator.GetOperation] != want || c.Transfers() != 1 {
					t.Errorf("it took %d calls and %d transfers, want %d and 1: %v", c.API(), c.Transfers(), want, c.By)
				}
			})
		}
	}
}

// TestBudgetOfManyUploads counts what uploads into one folder cost that are made
// at the same time: they share the call that confirms them.
func TestBudgetOfManyUploads(t *testing.T) {
	for clients, most := range map[int]float64{1: 2, 8: 1.25} {
		t.Run(fmt.Sprint(clients), func(t *testing.T) {
			const files = 200
			begun := time.Now()
			srv, b := start(t, emulator.Options{}, yandex.Config{
				// The test must not hang on how fast the machine is.
				Now:   func() time.Time { return begun.Add(time.Since(begun) / 10) },
				After: func(d time.Duration) <-chan time.Time { return time.After(10 * d) },
			})
			plant(t, srv, map[string]string{"/d/f": "old"})
			srv.ResetCounters()
			v := &visit{ctx: t.Context(), b: b}
			var next atomic.Int32
			var working sync.WaitGroup
			for range clients {
				working.Go(func() {
					for i := next.Add(1); i <= files; i = next.Add(1) {
						if err := v.put(fmt.Sprintf("d/%d", i), int(i), backend.PutOptions{}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			working.Wait()
			if c := srv.Counters(); float64(c.API()) > most*files || c.Transfers() != files {
				t.Errorf("%d uploads took %d calls and %d transfers, at most %v calls each: %v", files, c.API(), c.Transfers(), most, c.By)
			}
		})
	}
}

// TestBudgetOfTimes counts what a modification time costs after the upload
// that it came with.
func TestBudgetOfTimes(t *testing.T) {
	srv, b := start(t, emulator.Options{}, yandex.Config{StateDir: t.TempDir()})
	v := &visit{ctx: t.Context(), b: b}
	if err := v.put("f", 5, backend.PutOptions{ModTime: time.Unix(1e9, 5e8)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the time is read back", func() bool {
		return srv.Counters().By[emulator.GetResource] == 2 // the first confirms the upload
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if c := srv.Counters(); c.API() != 4 || c.By[emulator.PatchResource] != 1 {
		t.Errorf("upload and time took %v", c.By)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(testwait.Limit(t))
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("it never came true that %s", what)
		case <-tick.C:
		}
	}
}

// fill makes folders of a few, a thousand and 2,500 files.
func fill(t *testing.T, srv *emulator.Server) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"d", "d/sub", "thousand", "many"} {
		check(srv.Mkdir("/" + dir))
	}
	check(srv.WriteFile("/d/f", []byte("the content of f")))
	check(srv.WriteFile("/d/g", []byte(strings.Repeat("g", 100))))
	check(srv.WriteFile("/d/h # +.txt", nil))
	for i := range 2500 {
		if i < 1000 {
			check(srv.WriteFile(fmt.Sprintf("/thousand/%04d", i), []byte{byte(i)}))
		}
		check(srv.WriteFile(fmt.Sprintf("/many/%04d", i), []byte{byte(i)}))
	}
}
