package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// A scenario is one request to davdisk and what it does to the disk.
type scenario struct {
	name   string
	also   map[string]string // what is there beside what is planted everywhere
	before []string          // requests that come first, while nothing fails: METHOD path
	method string
	path   string
	header map[string]string
	body   string
	change func(disk map[string]string) // what success means
	answer string                       // what the body of a success holds
}

// large is more than a small upload (8 MiB): it is checked before it is sent, and
// resumed.
var large = strings.Repeat("0123456789abcdef", (8<<20)/16+1)

// planted is the disk that each scenario begins with: content by path, folders
// with a slash at the end. The content of a disk is described by MD5 sums.
var planted = map[string]string{
	"/f.txt": "the old f", "/g.txt": "the old g", "/bystander.txt": "not concerned",
	"/d/": "", "/d/x.txt": "x in d", "/d/sub/": "", "/d/sub/y.txt": "y in d",
	"/e/": "", "/e/x.txt": "x in e", "/e/z.txt": "z in e",
}

func lays(path, content string) func(map[string]string) {
	return func(disk map[string]string) { disk[path] = sum([]byte(content)) }
}

func makes(folder string) func(map[string]string) {
	return func(disk map[string]string) { disk[folder] = "" }
}

// carries takes what is at and below one path to another, in place of what was
// there. The source goes if it is a move.
func carries(from, to string, moves bool) func(map[string]string) {
	return func(disk map[string]string) {
		taken := map[string]string{}
		for path, content := range disk {
			if rest, ok := below(path, from); ok {
				taken[to+rest] = content
				if moves {
					delete(disk, path)
				}
			}
		}
		removes(to)(disk)
		maps.Copy(disk, taken)
	}
}

func removes(name string) func(map[string]string) {
	return func(disk map[string]string) {
		maps.DeleteFunc(disk, func(path, _ string) bool {
			_, ok := below(path, name)
			return ok
		})
	}
}

func below(path, name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, name)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// planted is what the disk begins with.
func (s scenario) planted() map[string]string {
	files := maps.Clone(planted)
	maps.Copy(files, s.also)
	return files
}

// original is what the disk holds then.
func (s scenario) original() map[string]string {
	disk := s.planted()
	for path, content := range disk {
		if !strings.HasSuffix(path, "/") {
			disk[path] = sum([]byte(content))
		}
	}
	return disk
}

func nothing(map[string]string) {}

var scenarios = []scenario{
	{name: "PUT new", method: "PUT", path: "/new.txt", body: "new", change: lays("/new.txt", "new")},
	{name: "PUT only if new", method: "PUT", path: "/new.txt", body: "new", header: map[string]string{"If-None-Match": "*"}, change: lays("/new.txt", "new")},
	{name: "PUT over a file", method: "PUT", path: "/f.txt", body: "replaced", change: lays("/f.txt", "replaced")},
	{name: "PUT if unchanged", method: "PUT", path: "/f.txt", body: "replaced", header: map[string]string{"If-Match": "*"}, change: lays("/f.txt", "replaced")},
	{name: "PUT large", method: "PUT", path: "/f.txt", body: large, change: lays("/f.txt", large)},
	{name: "PUT in chunks", method: "PUT", path: "/f.txt", body: "in chunks", header: map[string]string{"Transfer-Encoding": "chunked"}, change: lays("/f.txt", "in chunks")},
	{name: "PUT with its time", method: "PUT", path: "/f.txt", body: "dated", header: map[string]string{"X-OC-Mtime": "1000000000"}, change: lays("/f.txt", "dated")},
	{name: "PUT nothing", method: "PUT", path: "/f.txt", change: lays("/f.txt", "")},
	{name: "LOCK and PUT", before: []string{"LOCK /new.txt"}, method: "PUT", path: "/new.txt", body: "locked", change: lays("/new.txt", "locked")},
	{name: "MKCOL", method: "MKCOL", path: "/n", change: makes("/n/")},
	{name: "DELETE a file", method: "DELETE", path: "/f.txt", change: removes("/f.txt")},
	{name: "DELETE if unchanged", method: "DELETE", path: "/f.txt", header: map[string]string{"If-Match": "*"}, change: removes("/f.txt")},
	{name: "DELETE a tree", method: "DELETE", path: "/d", change: removes("/d")},
	{name: "MOVE a file", method: "MOVE", path: "/f.txt", header: map[string]string{"Destination": "/new.txt"}, change: carries("/f.txt", "/new.txt", true)},
	{name: "MOVE a file over a file", method: "MOVE", path: "/f.txt", header: map[string]string{"Destination": "/g.txt"}, change: carries("/f.txt", "/g.txt", true)},
	{name: "MOVE a file over a folder", method: "MOVE", path: "/f.txt", header: map[string]string{"Destination": "/e"}, change: carries("/f.txt", "/e", true)},
	{name: "MOVE a tree", method: "MOVE", path: "/d", header: map[string]string{"Destination": "/n"}, change: carries("/d", "/n", true)},
	{name: "MOVE a tree over a file", method: "MOVE", path: "/d", header: map[string]string{"Destination": "/g.txt"}, change: carries("/d", "/g.txt", true)},
	{name: "MOVE a tree over a tree", method: "MOVE", path: "/d", header: map[string]string{"Destination": "/e"}, change: carries("/d", "/e", true)},
	{name: "COPY a file", method: "COPY", path: "/f.txt", header: map[string]string{"Destination": "/new.txt"}, change: carries("/f.txt", "/new.txt", false)},
	{name: "COPY a file over a file", method: "COPY", path: "/f.txt", header: map[string]string{"Destination": "/g.txt"}, change: carries("/f.txt", "/g.txt", false)},
	{name: "COPY a file over a folder", method: "COPY", path: "/f.txt", header: map[string]string{"Destination": "/e"}, change: carries("/f.txt", "/e", false)},
	{name: "COPY a tree", method: "COPY", path: "/d", header: map[string]string{"Destination": "/n"}, change: carries("/d", "/n", false)},
	{name: "COPY a tree over a tree", method: "COPY", path: "/d", header: map[string]string{"Destination": "/e"}, change: carries("/d", "/e", false)},
	{name: "PROPPATCH", method: "PROPPATCH", path: "/f.txt", change: nothing, answer: "HTTP/1.1 200",
		body: `<propertyupdate xmlns="DAV:"><set><prop><a xmlns="urn:x">b</a></prop></set></propertyupdate>`},
	{name: "LOCK", method: "LOCK", path: "/f.txt", change: nothing, answer: "locktoken", body: exclusiveLock},
	{name: "GET", method: "GET", path: "/f.txt", change: nothing, answer: "the old f"},
	{name: "HEAD", method: "HEAD", path: "/f.txt", change: nothing},
	{name: "PROPFIND", method: "PROPFIND", path: "/d/", header: map[string]string{"Depth": "1"}, change: nothing, answer: "/d/x.txt"},
}

const exclusiveLock = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`

// failures are what may go wrong with a call.
var failures = map[string]emulator.Fault{
	"429":                    {Status: 429},
	"500":                    {Status: 500},
	"500 after the effect":   {Status: 500, After: true},
	"502 of a proxy":         {Status: 502, HTML: true},
	"503":                    {Status: 503},
	"504 after the effect":   {Status: 504, HTML: true, After: true},
	"423":                    {Status: 423, Code: "DiskResourceLockedError"},
	"507":                    {Status: 507},
	"401":                    {Status: 401},
	"403":                    {Status: 403},
	"404 of a proxy":         {Status: 404, HTML: true},
	"a redirect to nowhere":  {Status: 302, HTML: true},
	"reset":                  {Reset: true},
	"reset after the effect": {Reset: true, After: true},
	"half an answer":         {Truncate: 1},
	"a page to log in":       {Status: 200, Body: "<html>who are you?</html>"},
	"an empty object":        {Status: 200, Body: "{}"},
}

// TestEveryFault lets every single call that davdisk makes in a scenario fail
// in every way, once and from then on, and compares what was answered with
// what the disk holds. Success means done; a refusal that nothing has changed
// and is no invention; any other answer, or none, that either is there, whole.
// Nothing that is there is said to be missing, not even while the fault lasts.
// When it is over the same request succeeds, and nothing hidden is left.
//
// With write-back success means that the content is stored in the end, whatever
// fails until then, and that until then the old one is there, whole.
//
// All of it is some thousands of faults (make test-long PART=faults); below the
// level long one in thirty-nine is tried, and one in 397 with write-back.
func TestEveryFault(t *testing.T) {
	var cases, refused atomic.Int64
	t.Cleanup(func() { t.Logf("%d faults, of which %d made the request fail", cases.Load(), refused.Load()) })
	for _, mode := range []struct {
		name      string
		knobs     emulator.Knobs
		warm      bool
		about     string // part of the names of the scenarios
		writeBack bool
	}{
		{"synchronous and cold", emulator.Knobs{Async: "never"}, false, "", false},
		{"asynchronous and warm", emulator.Knobs{Async: "always", OperationPolls: 1}, true, "", false},
		{"file by file and warm", emulator.Knobs{Async: "always", OperationPolls: 2, OperationGradual: true}, true, "tree", false},
		{"write-back, synchronous and cold", emulator.Knobs{Async: "never"}, false, "", true},
		{"write-back, asynchronous and warm", emulator.Knobs{Async: "always", OperationPolls: 1}, true, "", true},
		{"write-back, file by file and warm", emulator.Knobs{Async: "always", OperationPolls: 2, OperationGradual: true}, true, "tree", true},
	} {
		for i, s := range scenarios {
			if !strings.Contains(s.name, mode.about) {
				continue
			}
			t.Run(mode.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				tried := i
				every := 39 // prime to the kinds of faults, so that each scenario meets others
				switch {
				case testlevel.Long():
					every = 1
				case mode.writeBack:
					every = 397
				}
				newOne := func() *subject {
					d := newSubjectIn(t, mode.knobs, t.TempDir(), mode.writeBack)
					d.prepare(s, mode.warm)
					return d
				}
				calls := s.count(newOne())
				for _, endpoint := range slices.Sorted(maps.Keys(calls)) {
					for nth := range calls[endpoint] {
						for _, name := range slices.Sorted(maps.Keys(failures)) {
							for _, times := range []int{1, -1} {
								if tried++; tried%every != 0 {
									continue
								}
								f := failures[name]
								f.Endpoint, f.Nth, f.Times = endpoint, nth+1, times
								cases.Add(1)
								if !s.suffer(newOne(), fmt.Sprintf("%s (%s, number %d, times %d)", name, endpoint, nth+1, times), f) {
									refused.Add(1)
								}
							}
						}
					}
				}
			})
		}
	}
}

// count runs a scenario without a fault and returns the calls that it makes.
func (s scenario) count(d *subject) map[emulator.Endpoint]int {
	defer d.close()
	d.disk.ResetCounters()
	s.succeed(d)
	return d.disk.Counters().By
}

// succeed runs a scenario without a fault.
func (s scenario) succeed(d *subject) {
	d.Helper()
	if code, body := d.do(s); code/100 != 2 || !strings.Contains(body, s.answer) {
		d.Fatalf("it was answered %d without a fault: %s", code, body)
	}
	d.drained()
	if is, want := d.holds(), s.after(); !maps.Equal(is, want) {
		d.Fatalf("without a fault the disk holds %s, want %s", s.describe(is), s.describe(want))
	}
}

func (s scenario) after() map[string]string {
	disk := s.original()
	s.change(disk)
	return disk
}

// suffer runs a scenario with a fault. It reports whether it was answered as a
// success all the same, which with write-back means that it will be stored.
func (s scenario) suffer(d *subject, what string, f emulator.Fault) bool {
	d.disk.Inject(f)
	return s.judge(d, what, f.Status, f.After, d.disk.ClearFaults)
}

// judge runs a scenario while calls fail with a status, or without one, after
// they had their effect or not, until heal ends that.
func (s scenario) judge(d *subject, what string, status int, after bool, heal func()) bool {
	defer d.close()
	code, body := d.do(s)
	for _, refused := range []int{http.StatusForbidden, http.StatusInsufficientStorage} {
		if code == http.StatusMultiStatus && status == refused && strings.Contains(body, fmt.Sprint("HTTP/1.1 ", refused)) {
			code = refused // of the properties that were asked for
		}
	}
	want := s.after()
	is := d.holds()
	left := is
	if d.other != nil {
		left = visible(is) // what could not be removed is swept later
	}
	queued := d.writeBack && maps.Equal(is, s.original())
	switch {
	case code/100 == 2 && !queued && !maps.Equal(visible(is), want):
		d.Errorf("%s: answered %d, and the disk holds %s", what, code, s.describe(is))
	case code/100 == 2 && !strings.Contains(body, s.answer):
		d.Errorf("%s: answered %d with %q", what, code, body)
	case code/100 == 4 && (code != http.StatusForbidden || status != http.StatusForbidden):
		d.Errorf("%s: answered %d: %s", what, code, body)
	case (code/100 == 4 || code == http.StatusInsufficientStorage) && !after && !maps.Equal(left, s.original()) && !s.isRest(d, left):
		d.Errorf("%s: refused with %d, and the disk holds %s", what, code, s.describe(is))
	}
	for path := range s.original() {
		if _, stays := want[path]; stays {
			d.mustNotMiss(what, path)
		}
	}
	heal()
	if d.writeBack {
		d.shut() // the next start tries at once what has failed
		d.open()
		d.drained()
	}
	d.finish(s, what, code/100 == 2)
	return code/100 == 2
}

// isRest reports whether files are what may be left when a folder could be removed in
// part only: no file that was not to be removed is missing, and none is another.
func (s scenario) isRest(d *subject, is map[string]string) bool {
	if d.other == nil || !d.other.partly || s.method != http.MethodDelete {
		return false
	}
	original, after := s.original(), s.after()
	for path, content := range is {
		if before, was := original[path]; !was || before != content {
			return false
		}
	}
	for path := range after {
		if _, there := is[path]; !there {
			return false
		}
	}
	return true
}

// mustNotMiss asks in several ways for what is there.
func (d *subject) mustNotMiss(what, path string) {
	for _, method := range []string{"GET", "PROPFIND"} {
		if code, _ := d.request(method, path, "", map[string]string{"Depth": "0"}); code == http.StatusNotFound {
			d.Errorf("%s: %s %s says that it is not there", what, method, path)
		}
	}
}

// finish looks after the end of a fault: the old or the new is there, what was
// asked for can be done, and after a restart nothing hidden is left.
func (d *subject) finish(s scenario, what string, done bool) {
	want := s.after()
	for path := range want {
		if _, both := s.original()[path]; both {
			d.mustNotMiss(what, path)
		}
	}
	if d.other != nil && d.other.steps {
		d.shut()
		d.open()
	}
	d.request("PROPFIND", s.path, "", map[string]string{"Depth": "0"})
	d.request("PROPFIND", s.header["Destination"], "", map[string]string{"Depth": "0"}) // which recovers what was cut short
	is := visible(d.holds())
	switch {
	case maps.Equal(is, want):
	case done || !maps.Equal(is, s.original()) && !s.isRest(d, is):
		d.Errorf("%s: after its end the disk holds %s", what, s.describe(is))
	default:
		if code, body := d.do(s); code/100 != 2 || !strings.Contains(body, s.answer) {
			d.Errorf("%s: after its end the same request was answered %d: %s", what, code, body)
		}
	}
	d.shut()
	if d.other != nil {
		d.other.later()
	}
	d.open()
	d.request("PROPFIND", "/", "", map[string]string{"Depth": "0"})
	if d.other != nil { // a listing sweeps what a day ago was unfinished
		d.token = ""
		for folder := range want {
			if strings.HasSuffix(folder, "/") {
				d.request("PROPFIND", folder, "", map[string]string{"Depth": "1"})
			}
		}
		d.request("PROPFIND", "/", "", map[string]string{"Depth": "1"})
	}
	if err := d.vfs.Close(); err != nil { // waits for recovery
		d.Error(err)
	}
	d.reopen()
	if is := d.settled(want); !maps.Equal(is, want) {
		d.Errorf("%s: in the end the disk holds %s", what, s.describe(is))
	}
}

// settled returns what is on the disk, which a server that has no move is waited
// for: davdisk has begun to do away with what it left there.
func (d *subject) settled(want map[string]string) map[string]string {
	if d.other == nil || !d.other.steps {
		return d.holds()
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 300 {
		if is := d.holds(); maps.Equal(is, want) {
			return is
		}
		<-tick.C
	}
	return d.holds()
}

// visible leaves out what davdisk hides for a while.
func visible(disk map[string]string) map[string]string {
	seen := maps.Clone(disk)
	maps.DeleteFunc(seen, func(path, _ string) bool {
		return strings.Contains(path, "/"+ownname.Prefix) || strings.Contains(path, "/"+ownname.UnfinishedPrefix)
	})
	return seen
}

// describe returns how a disk differs from the one that the scenario begins with.
func (s scenario) describe(disk map[string]string) string {
	var out strings.Builder
	before := s.original()
	for path := range before {
		if _, there := disk[path]; !there {
			fmt.Fprintf(&out, " no %s;", path)
		}
	}
	for path, content := range disk {
		if was, known := before[path]; !known || was != content {
			fmt.Fprintf(&out, " %s (%s);", path, content)
		}
	}
	if out.Len() == 0 {
		return "what it held before"
	}
	return out.String()
}
