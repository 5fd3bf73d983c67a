package conformance

import (
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// few is how many cases may catch a bug for it to speak for each of them.
const few = 12

// reasons are why a case is kept though no bug here is caught by it and few
// others alone.
func reasons() []struct{ pattern, why string } {
	const (
		plain   = "it is the plainest use there is: what breaks it breaks half of the others, and then it is the one to read first"
		through = "it asks through other functions what the cases before ask by themselves, for what only their order of calls shows"
		heavy   = "it runs with Long alone, and a bug that shows no earlier would take its time to be planted"
		wide    = "what it is about is used by so many other cases that each bug in it is caught by more than a few"
	)
	return []struct{ pattern, why string }{
		{"create/new", plain},
		{"create/visible-in-parent", plain},
		{"write/sequential", plain},
		{"mkdir/new", plain},
		{"remove/file", plain},
		{"rename/file", plain},
		{"readdir/all", plain},
		{"stat/file", plain},
		{"iofs/*", through},
		{"helpers/*", through},
		{"large/64MiB", heavy},
		{"large/over-2GiB-sparse", heavy},
		{"writeat/past-4GiB-sparse", heavy},
		{"open/missing", wide},
		{"create/empty", wide},
		{"create/read-write", wide},
		{"create/excl-twice", wide},
		{"append/ignores-seek", wide},
		{"append/create-on-missing", wide},
		{"write/short-count-has-error", wide},
		{"readdir/not-recursive", wide},
		{"readdir/empty", wide},
		{"readdir/names-have-no-slash", wide},
		{"readdir/sorted-by-helper", through},
		{"openflags/rdwr+create+trunc-missing", "these are the flags of Create: " + plain},
		{"append/read-back", wide},
		{"readdir/same-name-as-parent", "names/* also make an entry of the same name in each directory"},
		{"refusals/emptydirs", wide},
		{"mode/unwritable-then-open-fails", "it does not run as root, so no bug is sure to meet it"},
	}
}

// A case that no bug needs is dead weight: each must be one of the few that
// catch some bug, or have a reason to be there. With -v the bugs are listed. It runs the whole
// catalog some hundred times.
func TestEveryCaseIsNeeded(t *testing.T) {
	testlevel.NeedLong(t)
	speaks := map[string][]string{} // case to bugs
	for i, caught := range catchers(t, trials()) {
		if b := trials()[i]; len(caught) <= few {
			for _, id := range caught {
				speaks[id] = append(speaks[id], fmt.Sprintf("%s (%d)", b.what, len(caught)))
			}
		}
	}
	idle := reasons()
	for _, e := range catalog() {
		var why string
		for i, r := range reasons() {
			if ok, _ := path.Match(r.pattern, e.id); ok {
				why, idle[i].why = r.why, ""
			}
		}
		switch bugs := speaks[e.id]; {
		case len(bugs) > 0:
			t.Logf("%s: %s", e.id, strings.Join(bugs, "; "))
		case why != "":
			t.Logf("%s: %s", e.id, why)
		default:
			t.Errorf("%s: there is neither a bug that it and few others catch, nor a reason to keep it", e.id)
		}
	}
	for _, r := range idle {
		if r.why != "" {
			t.Errorf("the reason for %q is about no case", r.pattern)
		}
	}
}

// catchers runs the catalog with each bug, and returns the cases that catch it.
func catchers(t *testing.T, all []trial) [][]string {
	caught := make([][]string, len(all))
	queue := make(chan int)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for i := range queue {
				caught[i] = all[i].caughtBy(t)
			}
		})
	}
	for i := range all {
		queue <- i
	}
	close(queue)
	workers.Wait()
	return caught
}

// caughtBy leaves out the random part, which catches nearly everything, and
// what looks at the whole process. Bugs keep their notes in plain variables,
// so that only those that are about goroutines are used by several; and these
// show nowhere else.
func (tr trial) caughtBy(t *testing.T) []string {
	group, _, _ := strings.Cut(tr.caught, "/")
	for _, e := range catalog() {
		if e.id == tr.caught && (e.alone || group == "model") {
			return []string{e.id}
		}
	}
	chances := 1
	if group == "concurrent" {
		chances = 3 // it takes two to run into each other, and the machine may be busy
	}
	opts := append([]Option{Deadline(5 * time.Second)}, tr.opts...)
	s := newSuite("", tr.fresh, opts)
	var ids []string
	for _, e := range catalog() {
		if e.alone || strings.HasPrefix(e.id, "model/") || strings.HasPrefix(e.id, "concurrent/") != (group == "concurrent") {
			continue
		}
		for range chances {
			if s.check(t.Context(), e).Verdict.Bad() {
				ids = append(ids, e.id)
				break
			}
		}
	}
	return ids
}

// quick keeps files in memory, where the system has such a folder: what a bug
// does is the same everywhere.
type quick struct{ TB }

func (q quick) TempDir() string {
	dir, err := os.MkdirTemp("/dev/shm", "conformance-")
	if err != nil {
		return q.TB.TempDir()
	}
	q.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
