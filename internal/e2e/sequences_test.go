package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// A step is one request of a program and the answer without which the program
// gives up.
type step struct {
	method, path string
	body         string
	header       []string
	status       int
	holds        string // what must be in the answer's body; all of it for GET
}

// sequences are what programs do that cannot be run here. Each of them reads
// at once what it has written or deleted.
var sequences = map[string]struct {
	steps []step
	left  map[string]string
}{
	// Zotero: "Verify Server", then an attachment, replaced once.
	"Zotero": {[]step{
		{method: "OPTIONS", path: "zotero/", status: 200},
		{method: "PROPFIND", path: "zotero/", body: "<propfind xmlns='DAV:'><prop><getcontentlength/></prop></propfind>", header: []string{"Depth", "0", "Content-Type", "text/xml; charset=utf-8"}, status: 404},
		{method: "MKCOL", path: "zotero/", status: 201},
		{method: "PROPFIND", path: "zotero/", body: "<propfind xmlns='DAV:'><prop><getcontentlength/></prop></propfind>", header: []string{"Depth", "0", "Content-Type", "text/xml; charset=utf-8"}, status: 207},
		{method: "GET", path: "zotero/nonexistent.prop", status: 404},
		{method: "PUT", path: "zotero/zotero-test-file.prop", body: " ", status: 201},
		{method: "GET", path: "zotero/zotero-test-file.prop", status: 200, holds: " "},
		{method: "DELETE", path: "zotero/zotero-test-file.prop", status: 204},
		{method: "GET", path: "zotero/zotero-test-file.prop", status: 404},
		{method: "GET", path: "zotero/ABCD2345.prop", status: 404},
		{method: "DELETE", path: "zotero/ABCD2345.prop", status: 404},
		{method: "PUT", path: "zotero/ABCD2345.zip", body: "PK one", header: []string{"Content-Type", "application/zip"}, status: 201},
		{method: "PUT", path: "zotero/ABCD2345.prop", body: `<properties version="1"><mtime>1</mtime></properties>`, header: []string{"Content-Type", "text/xml"}, status: 201},
		{method: "GET", path: "zotero/ABCD2345.prop", status: 200, holds: `<properties version="1"><mtime>1</mtime></properties>`},
		{method: "DELETE", path: "zotero/ABCD2345.prop", status: 204},
		{method: "PUT", path: "zotero/ABCD2345.zip", body: "PK two", header: []string{"Content-Type", "application/zip"}, status: 204},
		{method: "PUT", path: "zotero/ABCD2345.prop", body: `<properties version="1"><mtime>2</mtime></properties>`, header: []string{"Content-Type", "text/xml"}, status: 201},
		{method: "GET", path: "zotero/ABCD2345.prop", status: 200, holds: `<properties version="1"><mtime>2</mtime></properties>`},
		{method: "GET", path: "zotero/ABCD2345.zip", status: 200, holds: "PK two"},
		{method: "PROPFIND", path: "zotero/", body: "<propfind xmlns='DAV:'><prop><getlastmodified/></prop></propfind>", header: []string{"Depth", "1"}, status: 207, holds: "<D:href>/zotero/ABCD2345.zip</D:href>"},
	}, map[string]string{"zotero/ABCD2345.zip": "PK two", "zotero/ABCD2345.prop": `<properties version="1"><mtime>2</mtime></properties>`}},

	// Floccus: its lock file is seen at once, and gone at once.
	"Floccus": {[]step{
		{method: "GET", path: "bookmarks.xbel.lock", status: 404},
		{method: "PUT", path: "bookmarks.xbel.lock", body: "<html><body>I am a lock file</body></html>", header: []string{"Content-Type", "text/html"}, status: 201},
		{method: "GET", path: "bookmarks.xbel", status: 404},
		{method: "PUT", path: "bookmarks.xbel", body: "<xbel/>", header: []string{"Content-Type", "application/xml"}, status: 201},
		{method: "HEAD", path: "bookmarks.xbel", status: 200},
		{method: "DELETE", path: "bookmarks.xbel.lock", status: 204},
		{method: "GET", path: "bookmarks.xbel.lock", status: 404},
		{method: "PUT", path: "bookmarks.xbel.lock", body: "<html><body>I am a lock file</body></html>", header: []string{"Content-Type", "text/html"}, status: 201},
		{method: "GET", path: "bookmarks.xbel.lock", status: 200, holds: "<html><body>I am a lock file</body></html>"},
		{method: "GET", path: "bookmarks.xbel", status: 200, holds: "<xbel/>"},
		{method: "PUT", path: "bookmarks.xbel", body: "<xbel>Ж</xbel>", header: []string{"Content-Type", "application/xml"}, status: 204},
		{method: "DELETE", path: "bookmarks.xbel.lock", status: 204},
		{method: "GET", path: "bookmarks.xbel", status: 200, holds: "<xbel>Ж</xbel>"},
	}, map[string]string{"bookmarks.xbel": "<xbel>Ж</xbel>"}},

	// KeePass 2 deletes before it moves, Keepass2Android and KeeWeb move over.
	"KeePass": {[]step{
		{method: "PUT", path: "base.kdbx", body: "generation 1", status: 201},
		{method: "GET", path: "base.kdbx", status: 200, holds: "generation 1"},
		{method: "PUT", path: "base.kdbx.a1b2.tmp", body: "generation 2", status: 201},
		{method: "DELETE", path: "base.kdbx", status: 204},
		{method: "MOVE", path: "base.kdbx.a1b2.tmp", header: []string{"Destination", "{url}base.kdbx"}, status: 201},
		{method: "GET", path: "base.kdbx", status: 200, holds: "generation 2"},
		{method: "GET", path: "base.kdbx.a1b2.tmp", status: 404},
		{method: "PUT", path: "base.kdbx.tmp", body: "generation 3", status: 201},
		{method: "PROPFIND", path: "base.kdbx", header: []string{"Depth", "0"}, status: 207},
		{method: "MOVE", path: "base.kdbx.tmp", header: []string{"Destination", "{url}base.kdbx", "Overwrite", "T"}, status: 204},
		{method: "GET", path: "base.kdbx", status: 200, holds: "generation 3"},
		{method: "HEAD", path: "base.kdbx", status: 200},
		{method: "PUT", path: ".base.kdbx.5f3e", body: "generation 4", status: 201},
		{method: "MOVE", path: ".base.kdbx.5f3e", header: []string{"Destination", "{url}base.kdbx", "Overwrite", "T"}, status: 204},
		{method: "GET", path: "base.kdbx", status: 200, holds: "generation 4"},
		{method: "MOVE", path: "base.kdbx.gone.tmp", header: []string{"Destination", "{url}base.kdbx", "Overwrite", "T"}, status: 404},
		{method: "GET", path: "base.kdbx", status: 200, holds: "generation 4"},
	}, map[string]string{"base.kdbx": "generation 4"}},
}

// TestReadAfterWrite plays the sequences on a disk where every change is an
// operation that is still under way when the service answers.
func TestReadAfterWrite(t *testing.T) {
	for program, sequence := range sequences {
		t.Run(program, func(t *testing.T) {
			disk := startDisk(t, emulator.Options{Knobs: emulator.Knobs{Async: "always", OperationPolls: 2}})
			s := serve(t, disk)
			for i, step := range sequence.steps {
				header := make([]string, len(step.header))
				for j, text := range step.header {
					header[j] = strings.ReplaceAll(text, "{url}", s.url)
				}
				code, body := s.request(step.method, step.path, strings.NewReader(step.body), header...)
				switch {
				case code != step.status:
					t.Fatalf("step %d: %s %s answered %d, want %d: %s", i, step.method, step.path, code, step.status, body)
				case step.method == http.MethodGet && code == http.StatusOK && body != step.holds:
					t.Errorf("step %d: %s holds %q, want %q", i, step.path, body, step.holds)
				case !strings.Contains(body, step.holds):
					t.Errorf("step %d: %s %s has no %q: %s", i, step.method, step.path, step.holds, body)
				}
			}
			want := map[string]string{}
			for name, content := range sequence.left {
				want[name] = sum([]byte(content))
			}
			same(t, "at the disk", stored(disk), want)
			if disk.Counters().By[emulator.GetOperation] == 0 {
				t.Error("nothing was an operation: this run shows nothing")
			}
		})
	}
}
