package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// doubts are the ways in which the service may behave otherwise than it was
// last seen to.
var doubts = map[string]emulator.Knobs{
	"as last seen":                     {},
	"all are operations":               {Async: "always", OperationPolls: 1},
	"operations in steps":              {Async: "always", OperationPolls: 3, OperationGradual: true},
	"operations without a lock":        {Async: "always", OperationPolls: 2, OperationNoLock: true},
	"in steps without a lock":          {Async: "always", OperationPolls: 3, OperationGradual: true, OperationNoLock: true},
	"old links of operations":          {Async: "always", OperationQuery: true},
	"names are folded":                 {FoldNames: true, FolderModified: true},
	"metadata are late":                {MetadataDelay: 300 * time.Millisecond},
	"metadata and operations are late": {MetadataDelay: 300 * time.Millisecond, Async: "always", OperationPolls: 1},
	"properties are lost":              {PatchLost: 5 * time.Second, PatchFails: 2 * time.Second},
	"properties are dropped":           {OverwriteDropsProperties: true, CopyDropsProperties: true, OverwriteNew: true},
	"uploads are late":                 {Upload202: true, FinalizeDelay: time.Millisecond},
	"uploads are late and unlocked":    {Upload202: true, OperationNoLock: true, OperationPolls: 2},
	"folders merge":                    {OverwriteMerges: true},
	"folders merge in steps":           {OverwriteMerges: true, Async: "always", OperationPolls: 3, OperationGradual: true},
	"copies do not overwrite":          {CopyOverwriteRefused: true},
	"uploads overwrite":                {UploaderTrusts: true, NoResume: true, InstantUpload: true},
	"pages of two":                     {MaxPage: 2, EmbeddedAbsent: true, EmptySizeAbsent: true},
	"revisions by the second":          {Revision: "second"},
	"no revisions":                     {Revision: "frozen"},
	"links lapse":                      {DownloadLinkLife: 3 * time.Second, LapsedStatus: http.StatusForbidden},
	"throttled":                        {RateLimit: 40, RetryAfter: time.Second},
}

// refusals are what the service says when it is busy; nothing has happened
// then. Interruptions are what may have had its effect.
var (
	refusals = []emulator.Fault{
		{Status: http.StatusTooManyRequests}, {Status: http.StatusServiceUnavailable},
		{Status: http.StatusLocked, Code: "DiskResourceLockedError"},
	}
	interruptions = append([]emulator.Fault{
		{Status: http.StatusInternalServerError, After: true}, {Reset: true}, {Reset: true, After: true},
	}, refusals...)
)

// TestDoubtsUnderLoad lets several clients do all kinds of things at once, each
// in a folder of its own and one after the other, on a service that behaves in
// each of the doubtful ways: undisturbed, busy now and then, and with answers
// that get lost. Each client knows what its folder may hold. What it is told,
// and what the disk holds in the end, must be one of that.
func TestDoubtsUnderLoad(t *testing.T) {
	clients, deeds, rounds := 3, 25, 1
	if testlevel.Long() {
		clients, deeds, rounds = 4, 100, 10
	}
	for what, knobs := range doubts {
		for trouble, faults := range map[string]emulator.RandomFaults{
			"undisturbed": {}, "busy": {Rate: 0.1, Kinds: refusals}, "interrupted": {Rate: 0.04, Kinds: interruptions},
		} {
			for range rounds {
				seed := seedOf(t)
				t.Run(fmt.Sprintf("%s, %s, seed %d", what, trouble, seed), func(t *testing.T) {
					t.Parallel()
					d := newSubject(t, knobs)
					defer d.disk.Close()
					faults.Seed = seed
					d.disk.InjectRandom(faults)
					books := make([]*book, clients)
					var working sync.WaitGroup
					for i := range clients {
						books[i] = newBook(t, d.disk, fmt.Sprintf("/client %d", i))
						working.Go(func() { books[i].work(t, d, rand.New(rand.NewPCG(seed, uint64(i))), deeds) })
					}
					working.Wait()
					d.disk.ClearFaults()
					d.recovered()
					failed := 0
					for _, b := range books {
						failed += b.failed
						b.compare(t, d.disk)
					}
					if trouble == "undisturbed" && failed > 0 {
						t.Errorf("%d requests failed for no reason", failed)
						for _, b := range books {
							t.Log(strings.Join(b.diary, "\n"))
						}
					}
				})
			}
		}
	}
}

// seedOf is a seed of its own for each run, or that of DAVDISK_SEED.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	var seed uint64
	if given := os.Getenv("DAVDISK_SEED"); given == "" {
		seed = rand.Uint64()
	} else if _, err := fmt.Sscan(given, &seed); err != nil {
		t.Fatal(err)
	}
	return seed
}

// A book is what a client knows of its folder.
type book struct {
	dir    string
	may    worlds
	late   []deed // those without an answer, which may still have their effect
	diary  []string
	failed int
	codes  map[int]int // how often each was answered
	torn   bool        // a failed upload may have left something else
}

// newBook makes a folder with a little in it.
func newBook(t *testing.T, disk *emulator.Server, dir string) *book {
	t.Helper()
	for _, name := range []string{"", "/a", "/b", "/a/x"} {
		if err := disk.Mkdir("disk:" + dir + name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/f.txt", "/a/f.txt", "/b/x", "/a/x/f.txt"} {
		if err := disk.WriteFile("disk:"+dir+name, []byte("first "+name)); err != nil {
			t.Fatal(err)
		}
	}
	return &book{dir: dir, may: worlds{found(disk, dir)}, codes: map[int]int{}}
}

// maxWorlds is more than what a client can have in mind.
const maxWorlds = 100

// A doer answers deeds.
type doer interface{ act(deed) answer }

func (b *book) work(t *testing.T, d doer, r *rand.Rand, deeds int) {
	for i := 0; i < deeds && len(b.may) < maxWorlds; i++ {
		if !b.note(t, anyDeed(r, b.dir, i), d) {
			return
		}
	}
}

// note does something and judges the answer.
func (b *book) note(t *testing.T, act deed, d doer) bool {
	a := d.act(act)
	b.codes[a.code]++
	b.diary = append(b.diary, fmt.Sprintf("%v: %d", act, a.code))
	if a.code == 0 || a.code/100 == 5 {
		b.failed++
		b.diary[len(b.diary)-1] += " " + strings.TrimSpace(a.body)
	}
	b.may = b.may.with(b.late)
	next := b.may.after(act, a)
	if b.torn && (a.code == 0 || a.code/100 == 5) {
		next = append(next, act.torn(b.may)...)
	}
	if len(next) == 0 {
		t.Errorf("%v was answered %d %.200q, and there may be:%v\nafter:\n%s", act, a.code, a.body, b.may, strings.Join(b.diary, "\n"))
		return false
	}
	b.may = next
	switch {
	case a.code == 0 && act.changes():
		b.late = append(b.late, act)
	case a.code/100 == 2 && act.changes():
		// Nothing changes a name while an earlier change of it may come.
		b.late = slices.DeleteFunc(b.late, act.meets)
	}
	return true
}

// compare holds the disk against the book.
func (b *book) compare(t *testing.T, disk *emulator.Server) {
	is := found(disk, b.dir)
	for _, w := range b.may.with(b.late) {
		if w.key() == is.key() {
			return
		}
	}
	t.Errorf("the disk holds\n\t%s\nand may hold%v\nafter:\n%s", is.key(), b.may, strings.Join(b.diary, "\n"))
}

// found is what is on the disk at and below a folder.
func found(disk *emulator.Server, dir string) world {
	w := world{}
	for _, entry := range disk.Dump() {
		name, ok := strings.CutPrefix(entry.Path, "disk:")
		switch {
		case !ok || !within(name, dir):
		case entry.Dir:
			w[name] = isFolder
		default:
			w[name] = entry.MD5
		}
	}
	return w
}

func (d *subject) act(act deed) answer {
	code, body := d.request(act.method, escaped(act.path), act.content, act.header())
	return answer{code, body}
}

func escaped(path string) string { return strings.ReplaceAll(path, " ", "%20") }

func (d deed) header() map[string]string {
	header := map[string]string{"Depth": "infinity"}
	switch {
	case d.method == "PROPFIND":
		header["Depth"] = "1"
	case d.to != "":
		header["Destination"] = escaped(d.to)
		if d.keep {
			header["Overwrite"] = "F"
		}
	}
	return header
}

// recovered restarts davdisk, so that it recovers everything that is
// unfinished, and ends it for good.
func (d *subject) recovered() {
	d.shut()
	d.open()
	d.shut()
}
