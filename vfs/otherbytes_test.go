package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
)

// TestOtherBytes reads files of which the service serves other bytes of the same
// length, always or once. No reader gets such a file whole, and nothing of it is
// kept: when the service serves what it has, that is read.
func TestOtherBytes(t *testing.T) {
	for lie, knobs := range map[string]emulator.Knobs{
		"others": {ServesOther: true}, "two versions": {ServesMixed: true},
		"others, no tag": {ServesOther: true, NoETag: true}, "two versions, no tag": {ServesMixed: true, NoETag: true},
	} {
		for _, size := range []int{5, 100_000, 256 << 10, 600_001} {
			for _, cached := range []bool{false, true} {
				for _, once := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, %d bytes, cached %v, once %v", lie, size, cached, once), func(t *testing.T) {
						t.Parallel()
						srv := startEmulator(t, emulator.Options{})
						content := bytes.Repeat([]byte("what the file holds; "), size/20+1)[:size]
						if err := srv.WriteFile("/f", content); err != nil {
							t.Fatal(err)
						}
						var opts []vfs.Option
						if cached {
							opts = append(opts, vfs.WithCacheDir(t.TempDir(), 100<<20))
						}
						f := newFS(t, connect(t, srv, yandex.Config{}), opts...)
						knobs := knobs
						if once {
							knobs.WrongEvery = 1000
						}
						srv.SetKnobs(func(k *emulator.Knobs) { *k = knobs })

						h, err := f.Open("/f")
						if err != nil {
							t.Fatal(err)
						}
						got := make([]byte, size+1)
						n, err := 0, error(nil)
						for err == nil && n < size {
							var some int
							some, err = h.Read(got[n:min(n+40_000, len(got))])
							n += some
						}
						h.Close()
						if size == 5 && once {
							if err != nil || !bytes.Equal(got[:n], content) {
								t.Errorf("read anew it is %q, %v", got[:n], err)
							}
						} else if n >= size || !errors.Is(err, backend.ErrUnavailable) {
							t.Errorf("%d of %d bytes were returned, %v", n, size, err)
						}
						if !once {
							if err := afero.WriteFile(f, "/other", nil, 0o666); err != nil {
								t.Fatal(err)
							}
							edit, err := f.OpenFile("/f", os.O_RDWR, 0)
							if err != nil {
								t.Fatal(err)
							}
							if _, err := edit.WriteAt([]byte("!"), 2); !errors.Is(err, backend.ErrUnavailable) {
								t.Errorf("it was edited: %v", err)
							}
							if err := edit.Close(); err != nil {
								t.Errorf("closed without a change: %v", err)
							}
						}
						part := make([]byte, 2)
						h, err = f.Open("/f")
						if err != nil {
							t.Fatal(err)
						}
						if _, err := h.ReadAt(part, 3); err != nil { // a range, of which nobody knows whether it is right
							t.Error(err)
						}
						h.Close()
						srv.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
						for range 2 {
							if got, err := afero.ReadFile(f, "/f"); err != nil || !bytes.Equal(got, content) {
								t.Errorf("later it is not what it holds: %v", err)
							}
						}
						if kept, err := srv.ReadFile("/f"); err != nil || !bytes.Equal(kept, content) {
							t.Error("the file was changed")
						}
					})
				}
			}
		}
	}
}

// TestRangesAreNotKept reads a range of other bytes before the whole file, with
// the same handle and with another.
func TestRangesAreNotKept(t *testing.T) {
	const size = 600_000
	content := bytes.Repeat([]byte("0123456789"), size/10)
	for _, same := range []bool{true, false} {
		srv := startEmulator(t, emulator.Options{Knobs: emulator.Knobs{ServesOther: true}})
		if err := srv.WriteFile("/f", content); err != nil {
			t.Fatal(err)
		}
		f := newFS(t, connect(t, srv, yandex.Config{}), vfs.WithCacheDir(t.TempDir(), 100<<20))
		h, err := f.Open("/f")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.ReadAt(make([]byte, 10), 300_000); err != nil {
			t.Fatal(err)
		}
		srv.SetKnobs(func(k *emulator.Knobs) { k.ServesOther = false })
		if !same {
			h.Close()
			if h, err = f.Open("/f"); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := io.ReadAll(h); err != nil || !bytes.Equal(got, content) {
			t.Errorf("same handle %v: %d bytes, %v", same, len(got), err)
		}
		h.Close()
		srv.ResetCounters()
		if got, err := afero.ReadFile(f, "/f"); err != nil || !bytes.Equal(got, content) {
			t.Errorf("same handle %v, from the cache: %v", same, err)
		}
		if n := srv.Counters().Transfers(); n != 0 {
			t.Errorf("same handle %v: what was compared is not kept: %d transfers", same, n)
		}
	}
}
