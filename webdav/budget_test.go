package webdav_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

// budget is the whole of davdisk on an emulated disk whose calls are counted.
type budget struct {
	*testing.T
	disk *emulator.Server
	url  string
}

// newDisk is an emulated disk with a folder /d of fifty files.
func newDisk(t *testing.T) *emulator.Server {
	t.Helper()
	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	if err := disk.Mkdir("disk:/d"); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := disk.WriteFile(fmt.Sprintf("disk:/d/%d", i), []byte("content")); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

// newBudget is davdisk just started on a disk, of which it knows nothing yet.
func newBudget(t *testing.T, disk *emulator.Server) *budget {
	t.Helper()
	store, err := yandex.New(yandex.Config{APIURL: disk.URL, Token: yandex.StaticToken(disk.Token), Rate: -1})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := vfs.New(store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fs.Close() })
	handler, err := webdav.NewHandler(fs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handler.Close() })
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &budget{t, disk, server.URL}
}

// costs makes a request and checks its status and what it cost upstream.
func (b *budget) costs(api, transfers, status int, method, at, body string, headers ...string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.url+at, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, strings.ReplaceAll(value, "{server}", b.url))
	}
	b.disk.ResetCounters()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Error(err)
	}
	res.Body.Close()
	counted := b.disk.Counters()
	if res.StatusCode != status || counted.API() > api || counted.Transfers() > transfers {
		b.Errorf("%s %s: %d with %d calls and %d transfers, want %d with %d and %d",
			method, at, res.StatusCode, counted.API(), counted.Transfers(), status, api, transfers)
	}
}

const chmod = `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><executable xmlns="http://apache.org/dav/props/">T</executable></D:prop></D:set></D:propertyupdate>`

const lockinfo = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

// TestUpstreamBudget holds what requests cost upstream, when the folder has
// just been listed.
func TestUpstreamBudget(t *testing.T) {
	b := newBudget(t, newDisk(t))
	b.costs(1, 0, 207, "PROPFIND", "/d", "", "Depth: 1")
	b.costs(0, 0, 207, "PROPFIND", "/d", "", "Depth: 1")
	b.costs(0, 0, 207, "PROPFIND", "/d/7", "", "Depth: 0")
	b.costs(0, 0, 404, "PROPFIND", "/d/._7", "", "Depth: 0")
	b.costs(0, 2, 200, "GET", "/d/7", "")
	b.costs(0, 0, 200, "HEAD", "/d/8", "")
	b.costs(0, 0, 200, "LOCK", "/d/8", lockinfo)
	b.costs(0, 0, 201, "LOCK", "/d/missing", lockinfo)
	b.costs(2, 1, 201, "PUT", "/d/new", "content")
	b.costs(2, 1, 204, "PUT", "/d/9", "content")
	b.costs(1, 0, 201, "MKCOL", "/d/sub", "")
	b.costs(1, 0, 207, "PROPPATCH", "/d/new", chmod)
	b.costs(1, 0, 207, "PROPPATCH", "/d/sub", chmod)
	b.costs(1, 0, 207, "PROPFIND", "/d", "", "Depth: 1") // 1 for the file that was replaced
	b.costs(1, 0, 201, "COPY", "/d/new", "", "Destination: {server}/d/copy")
	b.costs(1, 0, 201, "MOVE", "/d/new", "", "Destination: {server}/d/moved")
	b.costs(1, 0, 204, "DELETE", "/d/moved", "")
	b.costs(2, 0, 207, "PROPFIND", "/d", "", "Depth: 1")
}

// TestUpstreamBudgetOfRanges asks for many small parts in one GET: those that are
// near each other are one transfer, others one each.
func TestUpstreamBudgetOfRanges(t *testing.T) {
	disk := newDisk(t)
	if err := disk.WriteFile("disk:/d/large", make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	b := newBudget(t, disk)
	b.costs(1, 0, 207, "PROPFIND", "/d", "", "Depth: 1")
	b.costs(0, 2, 206, "GET", "/d/large", "", "Range: bytes=0-9")
	ranges := func(apart int) string {
		var all []string
		for i := range 32 {
			all = append(all, fmt.Sprintf("%d-%d", i*apart, i*apart+99))
		}
		return "Range: bytes=" + strings.Join(all, ",")
	}
	b.costs(0, 1, 206, "GET", "/d/large", "", ranges(20_000))
	b.costs(0, 32, 206, "GET", "/d/large", "", ranges(200_000))
}

// TestUpstreamBudgetCold holds what the first request of all costs.
func TestUpstreamBudgetCold(t *testing.T) {
	for _, c := range []struct {
		api, transfers, status int
		method, at, body       string
		headers                []string
	}{
		{1, 0, 207, "PROPFIND", "/d", "", []string{"Depth: 0"}},
		{1, 0, 207, "PROPFIND", "/d", "", []string{"Depth: 1"}},
		{1, 0, 207, "PROPFIND", "/d/7", "", []string{"Depth: 1"}},
		{1, 0, 404, "PROPFIND", "/d/._7", "", []string{"Depth: 0"}},
		{1, 0, 404, "PROPFIND", "/d/%D0%B9", "", []string{"Depth: 0"}},
		{1, 2, 200, "GET", "/d/7", "", nil},
		{1, 0, 200, "HEAD", "/d/7", "", nil},
		{1, 0, 404, "GET", "/d/none", "", nil},
		{3, 1, 201, "PUT", "/d/new", "content", nil},
		{3, 1, 204, "PUT", "/d/7", "content", nil},
		{1, 0, 405, "MKCOL", "/d", "", nil},
		{1, 0, 201, "MKCOL", "/d/new", "", nil},
		{1, 0, 409, "MKCOL", "/none/new", "", nil},
		{1, 0, 404, "PROPFIND", "/d/none", "", []string{"Depth: 1"}},
		{2, 0, 204, "DELETE", "/d/7", "", nil},
		{3, 0, 201, "MOVE", "/d/7", "", []string{"Destination: {server}/d/new"}},
		{4, 0, 201, "COPY", "/d", "", []string{"Destination: {server}/e"}},
		{2, 0, 201, "LOCK", "/d/new", lockinfo, nil},
		{2, 0, 200, "LOCK", "/d/7", lockinfo, nil},
	} {
		t.Run(c.method+" "+c.at, func(t *testing.T) {
			newBudget(t, newDisk(t)).costs(c.api, c.transfers, c.status, c.method, c.at, c.body, c.headers...)
		})
	}
}
