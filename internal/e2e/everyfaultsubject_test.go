package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/page"
)

// A subject is davdisk on an emulated disk, all in this process.
type subject struct {
	*testing.T
	disk      *emulator.Server
	other     *faultyServer // in place of the disk
	state     string
	writeBack bool
	tempNames bool // uploads go by way of them
	vfs       *vfs.FS
	dav       *webdav.Handler
	http      *httptest.Server
	token     string // of the lock
}

func newSubject(t *testing.T, knobs emulator.Knobs) *subject {
	return newSubjectIn(t, knobs, t.TempDir(), false)
}

// newSubjectIn keeps all its files in a folder.
func newSubjectIn(t *testing.T, knobs emulator.Knobs, state string, writeBack bool) *subject {
	d := &subject{T: t, disk: plantedDisk(t, knobs), state: state, writeBack: writeBack}
	d.open()
	return d
}

func plantedDisk(t *testing.T, knobs emulator.Knobs) *emulator.Server {
	disk, err := emulator.Start(emulator.Options{Knobs: knobs, Now: hasty()})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range planted {
		if folder, ok := strings.CutSuffix(path, "/"); ok {
			err = disk.Mkdir("disk:" + folder)
		} else {
			err = disk.WriteFile("disk:"+path, []byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

// hasty is a clock that moves on whenever it is looked at, so that the service
// ends what nobody asks about any more after a few requests.
func hasty() func() time.Time {
	start, looks := time.Now(), atomic.Int64{}
	return func() time.Time { return start.Add(time.Duration(looks.Add(1)) * 100 * time.Millisecond) }
}

// open starts davdisk. Its waits last a millisecond at most.
func (d *subject) open() {
	store, err := d.openStore()
	if err != nil {
		d.Fatal(err)
	}
	opts := []vfs.Option{vfs.WithStateDir(d.state + "/vfs"), vfs.WithPollInterval(0), vfs.WithSpoolDir(d.state), vfs.WithCacheDir(d.state+"/cache", 64<<20)}
	if d.writeBack {
		opts = append(opts, vfs.WithWriteBack(1<<30))
	}
	if d.vfs, err = vfs.New(store, opts...); err != nil {
		d.Fatal(err)
	}
	d.handle(webdav.WithState(d.state + "/webdav"))
	d.serve()
}

func (d *subject) openStore() (backend.Backend, error) {
	if d.other != nil {
		return d.other.open()
	}
	return yandex.New(yandex.Config{
		Token: yandex.StaticToken(d.disk.Token), APIURL: d.disk.URL, Rate: -1,
		RetryWait: time.Microsecond, ModTimeWait: time.Millisecond, StateDir: d.state + "/yandex",
		After:               func(wait time.Duration) <-chan time.Time { return time.After(min(wait, time.Millisecond)) },
		AcceptShortListings: d.disk.Knobs().EmbeddedAbsent, UploadViaTempName: d.tempNames,
	})
}

// drained waits until what was acknowledged is stored.
func (d *subject) drained() {
	d.Helper()
	until(d, "the queue is empty", func() bool { files, _ := d.vfs.Queued(); return files == 0 })
}

// handle makes the handler, with the page that davdisk serve shows.
func (d *subject) handle(opts ...webdav.Option) {
	d.Helper()
	shown, err := page.New()
	if err != nil {
		d.Fatal(err)
	}
	if d.dav, err = webdav.NewHandler(d.vfs, append(opts, webdav.WithPage(shown))...); err != nil {
		d.Fatal(err)
	}
}

func (d *subject) serve() { d.http = httptest.NewServer(d.dav) }

// shut ends davdisk, which finishes what it has begun.
func (d *subject) shut() {
	d.http.Close()
	if err := d.dav.Close(); err != nil {
		d.Error(err)
	}
	if err := d.vfs.Close(); err != nil {
		d.Error(err)
	}
}

func (d *subject) close() {
	d.shut()
	if d.other != nil {
		d.other.close()
		return
	}
	if err := d.disk.Close(); err != nil {
		d.Error(err)
	}
}

// prepare makes the requests that come first. A warm davdisk knows the disk.
func (d *subject) prepare(s scenario, warm bool) {
	if warm {
		for _, folder := range []string{"/", "/d/", "/e/"} {
			if code, _ := d.request("PROPFIND", folder, "", map[string]string{"Depth": "1"}); code != http.StatusMultiStatus {
				d.Fatalf("PROPFIND %s was answered %d", folder, code)
			}
		}
	}
	for _, first := range s.before {
		method, path, _ := strings.Cut(first, " ")
		code, body := d.request(method, path, exclusiveLock, nil)
		if code/100 != 2 {
			d.Fatalf("%s was answered %d", first, code)
		}
		_, rest, _ := strings.Cut(body, "urn:uuid:")
		uuid, _, _ := strings.Cut(rest, "<")
		d.token = "(<urn:uuid:" + uuid + ">)"
	}
}

func (d *subject) do(s scenario) (code int, body string) {
	return d.request(s.method, s.path, s.body, s.header)
}

// request returns 0 if there was no whole answer.
func (d *subject) request(method, path, body string, header map[string]string) (int, string) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	if header["Transfer-Encoding"] != "" {
		content = io.MultiReader(content)
	}
	req, err := http.NewRequest(method, d.http.URL+path, content)
	if err != nil {
		d.Fatal(err)
	}
	for name, value := range header {
		if name == "Destination" {
			value = d.http.URL + value
		}
		req.Header.Set(name, value)
	}
	if d.token != "" {
		req.Header.Set("If", d.token)
	}
	res, err := d.http.Client().Do(req)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(data)
}

// reopen starts davdisk again after only its file system was closed.
func (d *subject) reopen() {
	d.http.Close()
	if err := d.dav.Close(); err != nil {
		d.Error(err)
	}
	d.open()
}

// holds returns what is on the disk. Operations that nobody waits for any more
// are waited for here.
func (d *subject) holds() map[string]string {
	if d.other != nil {
		return d.other.holds()
	}
	disk := map[string]string{}
	for _, entry := range d.disk.Dump() {
		path, ok := strings.CutPrefix(entry.Path, "disk:")
		switch {
		case !ok:
		case entry.Dir:
			disk[path+"/"] = ""
		default:
			disk[path] = entry.MD5
		}
	}
	return disk
}
