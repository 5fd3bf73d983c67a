package e2e

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestOwnDiskFails takes davdisk its own disk away while it works: its state,
// spool and cache are on one that becomes full, after all that davdisk has
// there was deleted or before, and later has room again. What is refused then
// has not been done, what was told to be done is, and once there is space again
// all is recovered.
func TestOwnDiskFails(t *testing.T) {
	for what, fail := range map[string]struct {
		begin, end func(t *testing.T, dir string)
	}{
		"full":           {fill, empty},
		"full and empty": {func(t *testing.T, dir string) { clean(t, dir); fill(t, dir) }, empty},
	} {
		t.Run(what, func(t *testing.T) {
			dir := smallDisk(t)
			seed := seedOf(t)
			t.Logf("seed %d", seed)
			d := newSubjectIn(t, emulator.Knobs{Async: "always", OperationPolls: 1}, dir, false)
			defer d.disk.Close()
			b := newBook(t, d.disk, "/client")
			r := rand.New(rand.NewPCG(seed, 0))
			b.work(t, d, r, 30)
			fail.begin(t, dir)
			for range 60 {
				if done := anyDeed(r, b.dir, r.IntN(1000)); !b.note(t, done, d) {
					break
				}
			}
			if code, body := d.request(http.MethodPut, "/large", large, map[string]string{"Transfer-Encoding": "chunked"}); code/100 == 2 {
				t.Errorf("what does not fit anywhere was answered %d %s", code, body)
			}
			if code, body := d.request(http.MethodGet, "/bystander.txt", "", nil); code != http.StatusOK || body != planted["/bystander.txt"] {
				t.Errorf("reading was answered %d %q", code, body)
			}
			fail.end(t, dir)
			b.work(t, d, r, 20)
			d.recovered()
			b.compare(t, d.disk)
			for path := range found(d.disk, "") {
				if strings.Contains(path, ".davdisk-") || path == "/large" {
					t.Errorf("%s is left behind", path)
				}
			}
		})
	}
}

// smallDisk mounts a disk of its own for a test.
func smallDisk(t *testing.T) string {
	t.Helper()
	linux(t)
	dir := t.TempDir()
	if err := mount(dir); err != nil {
		t.Skipf("a disk of its own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room.
func fill(t *testing.T, dir string) {
	t.Helper()
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for size := 64 << 10; size > 0; {
		if _, err := ballast.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Error(err)
	}
}

// clean deletes all that is in a folder.
func clean(t *testing.T, dir string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(all) == 0 {
		t.Fatalf("there is nothing to delete: %v", err)
	}
	for _, name := range all {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
}
