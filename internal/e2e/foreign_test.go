package e2e

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
)

// TestChangedByOthers lets another program change the disk while davdisk knows
// what was there. For one poll interval davdisk may tell the old state, whole,
// or the new one; then it tells the new one. A condition never lets through a
// change of what is no longer there, however fresh the memory of it is.
func TestChangedByOthers(t *testing.T) {
	const poll = 5 * time.Second
	for what, change := range map[string]func(disk *emulator.Server) error{
		"a file is written": func(disk *emulator.Server) error { return disk.WriteFile("disk:/f.txt", []byte("of another")) },
		"a file is deleted": func(disk *emulator.Server) error { return disk.Remove("disk:/f.txt") },
		"a file becomes a folder": func(disk *emulator.Server) error {
			return errors.Join(disk.Remove("disk:/f.txt"), disk.Mkdir("disk:/f.txt"), disk.WriteFile("disk:/f.txt/x", []byte("x")))
		},
		"a folder becomes a file": func(disk *emulator.Server) error {
			return errors.Join(disk.Remove("disk:/d"), disk.WriteFile("disk:/d", []byte("a file")))
		},
		"a folder is deleted": func(disk *emulator.Server) error { return disk.Remove("disk:/d") },
		"a file is added":     func(disk *emulator.Server) error { return disk.WriteFile("disk:/d/new", []byte("new")) },
	} {
		for _, revision := range []string{"", "second"} {
			t.Run(what+", revision "+revision, func(t *testing.T) {
				t.Parallel()
				var later atomic.Int64
				now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
				d := newShared(t, emulator.Knobs{Revision: revision}, now, poll)
				defer d.close()
				old := found(d.disk, "")
				d.mustShow("before", old)
				later.Add(int64(3 * time.Second))
				d.mustShow("a little later", old)
				tag := d.tag("/f.txt")
				if err := change(d.disk); err != nil {
					t.Fatal(err)
				}
				is := found(d.disk, "")
				d.mustShow("at once", old, is)
				if is["/f.txt"] != old["/f.txt"] {
					for _, method := range []string{http.MethodPut, http.MethodDelete} {
						code, body := d.request(method, "/f.txt", "mine", map[string]string{"If-Match": tag})
						if code/100 == 2 {
							t.Errorf("%s of what was there before was answered %d %s", method, code, body)
						}
					}
					if now := found(d.disk, ""); now.key() != is.key() {
						t.Errorf("the other's change is lost: there is\n%s\nwant\n%s", now.key(), is.key())
					}
				}
				later.Add(int64(poll + time.Second))
				d.mustShow("after the poll interval", is)
			})
		}
	}
}

// newShared is a subject that asks for changes by others.
func newShared(t *testing.T, knobs emulator.Knobs, now func() time.Time, poll time.Duration) *subject {
	d := newSubject(t, knobs)
	d.shut()
	store, err := yandex.New(yandex.Config{Token: yandex.StaticToken(d.disk.Token), APIURL: d.disk.URL, Rate: -1, RetryWait: time.Microsecond, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if d.vfs, err = vfs.New(store, vfs.WithPollInterval(poll), vfs.WithClock(now)); err != nil {
		t.Fatal(err)
	}
	d.handle()
	d.serve()
	return d
}

func (d *subject) tag(path string) string {
	d.Helper()
	res, err := d.http.Client().Head(d.http.URL + path)
	if err != nil {
		d.Fatal(err)
	}
	res.Body.Close()
	return res.Header.Get("ETag")
}

// mustShow looks at everything that is, or was, in one of several worlds. Each
// answer must fit one of them.
func (d *subject) mustShow(when string, may ...world) {
	d.Helper()
	names := []string{"/"}
	for _, w := range may {
		for name := range w {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		for _, method := range []string{http.MethodGet, "PROPFIND"} {
			look := deed{method: method, path: name}
			if method == http.MethodGet && name == "/" {
				continue
			}
			a := d.act(look)
			if !slices.ContainsFunc(may, func(w world) bool { return len(look.after(w, a)) > 0 }) {
				d.Errorf("%s: %v was answered %d %.300q", when, look, a.code, strings.TrimSpace(a.body))
			}
		}
	}
}
