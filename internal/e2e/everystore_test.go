package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// A faultyServer keeps files somewhere, and its calls can be made to fail.
type faultyServer struct {
	*testing.T
	keeps   keeper
	connect func() (backend.Backend, error) // the store, by way of its driver
	tired   atomic.Bool                     // a day is over
	gaveUp  func(*http.Request)             // the caller of a request that hangs does not wait any longer
	ends    func()                          // closes what is the server's own
	steps   bool                            // it has no move: others may see both names, or a part, until davdisk was started again
	partly  bool                            // of a folder that it refuses to remove whole, what is left stays under its name

	mu      sync.Mutex
	calls   map[string]int // by kind, such as a method
	fault   *fault
	working int // calls that it is still at
	idle    *sync.Cond
}

// A keeper is where a server keeps its files.
type keeper interface {
	// plant stores a file, or makes a folder if the path ends in a slash. Those
	// above it are there.
	plant(path, content string) error
	// holds returns the MD5 sums of the files by their paths, and the folders,
	// with a slash at the end. What is seen by nobody has a hidden name.
	holds() (map[string]string, error)
}

// A fault is what goes wrong with the nth call of a kind, once or from then on.
type fault struct {
	kind   string
	nth    int
	always bool
	how    failure
}

// A failure is a way in which a call fails.
type failure struct {
	status int               // is answered; 0: the connection breaks
	header map[string]string // of the answer
	text   string            // of the answer
	before cut               // where a connection breaks
	after  bool              // the call has its effect first
	lasts  bool              // is tried only from then on
}

type cut int

const (
	atOnce   cut = iota // when the call comes, or in place of the answer
	inCall              // in the middle of the call
	inAnswer            // in the middle of the answer
	late                // when the server has waited for a while
	never               // the caller gives up in the end
)

// newFaultyServer is a server with some files.
func newFaultyServer(t *testing.T, keeps keeper, files map[string]string) *faultyServer {
	f := &faultyServer{T: t, keeps: keeps, calls: map[string]int{}}
	f.idle = sync.NewCond(&f.mu)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := keeps.plant(path, files[path]); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// hit counts a call of a kind, and returns how it fails, nil if it does not.
func (f *faultyServer) hit(kind string) *failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[kind]++
	if f.fault == nil || f.fault.kind != kind {
		return nil
	}
	if n := f.calls[kind]; n == f.fault.nth || n > f.fault.nth && f.fault.always {
		return &f.fault.how
	}
	return nil
}

// inject begins to count anew, and lets a fault happen; nil: none.
func (f *faultyServer) inject(to *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.fault = map[string]int{}, to
}

func (f *faultyServer) counted() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

func (f *faultyServer) open() (backend.Backend, error) { return f.connect() }

func (f *faultyServer) later() { f.tired.Store(true) }

// works marks the server as at work, until done is called.
func (f *faultyServer) works() (done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.working++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.working--
		f.idle.Broadcast()
	}
}

// close ends the server once it is done with all calls.
func (f *faultyServer) close() {
	f.rest()
	if f.ends != nil {
		f.ends()
	}
}

// rest waits until the server is done with all calls.
func (f *faultyServer) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.working > 0 {
		f.idle.Wait()
	}
}

// holds returns what the server keeps once it is done with all calls.
func (f *faultyServer) holds() map[string]string {
	f.Helper()
	f.rest()
	disk, err := f.keeps.holds()
	if err != nil {
		f.Error(err)
	}
	return disk
}

// A folder of this machine is where a server keeps its files.
type folder struct {
	dir    string
	litter string // prefix of names that a driver may leave there, empty: none
	aside  string // prefix of names that stands for .davdisk-, empty: itself
}

func (f *folder) plant(path, content string) error {
	at := filepath.Join(f.dir, path)
	if strings.HasSuffix(path, "/") {
		return os.Mkdir(at, 0o755)
	}
	return os.WriteFile(at, []byte(content), 0o644)
}

func (f *folder) holds() (map[string]string, error) {
	disk := map[string]string{}
	return disk, filepath.WalkDir(f.dir, func(at string, entry fs.DirEntry, err error) error {
		path := filepath.ToSlash(strings.TrimPrefix(at, f.dir))
		if f.aside != "" {
			path = strings.ReplaceAll(path, "/"+f.aside, "/.davdisk-")
		}
		switch {
		case err != nil:
			return err
		case path == "":
			return nil
		case f.litter != "" && strings.HasPrefix(entry.Name(), f.litter):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			disk[path+"/"] = ""
			return nil
		}
		file, err := os.Open(at)
		if err != nil {
			return err
		}
		defer file.Close()
		content := md5.New()
		_, err = io.Copy(content, file)
		disk[path] = hex.EncodeToString(content.Sum(nil))
		return err
	})
}

// everyFault lets each call that davdisk makes to a server in each scenario fail
// in each way, as TestEveryFault does with an emulated disk. start starts a server
// with some files. One in every is tried, at the level long all.
func everyFault(t *testing.T, scenarios []scenario, start func(*testing.T, map[string]string) *faultyServer, every int, ways map[string]failure) {
	if testlevel.Long() {
		every = 1
	}
	var made, cases, refused atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d calls in %d scenarios; %d faults, of which %d made the request fail", made.Load(), len(scenarios), cases.Load(), refused.Load())
		if cases.Load() == 0 {
			t.Error("no fault was tried")
		}
	})
	for i, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			newOne := func() *subject {
				d := &subject{T: t, other: start(t, s.planted()), state: t.TempDir()}
				d.open()
				d.prepare(s, i%2 == 0)
				d.other.inject(nil)
				return d
			}
			d := newOne()
			s.succeed(d)
			calls := d.other.counted()
			d.close()
			tried := i
			for _, kind := range slices.Sorted(maps.Keys(calls)) {
				made.Add(int64(calls[kind]))
				for nth := range calls[kind] {
					for _, name := range slices.Sorted(maps.Keys(ways)) {
						for _, always := range []bool{false, true} {
							if tried++; tried%every != 0 || ways[name].lasts && !always {
								continue
							}
							cases.Add(1)
							d := newOne()
							d.other.inject(&fault{kind, nth + 1, always, ways[name]})
							what := name + " (" + kind + ", number " + strconv.Itoa(nth+1) + ")"
							if !s.judge(d, what, ways[name].status, ways[name].after, func() { d.other.inject(nil) }) {
								refused.Add(1)
							}
						}
					}
				}
			}
		})
	}
}
