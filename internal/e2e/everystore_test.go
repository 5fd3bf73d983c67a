package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
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

// A faultyServer keeps a folder of this machine, and its calls can be made to
// fail.
type faultyServer struct {
	*testing.T
	dir     string
	connect func() (backend.Backend, error) // the store, by way of its driver
	tired   atomic.Bool                     // a day is over
	litter  string                          // prefix of names that a driver may leave there, empty: none
	aside   string                          // prefix of names that stands for .davdisk-, empty: itself

	mu      sync.Mutex
	calls   map[string]int // by kind, such as a method
	fault   *fault
	working int // calls that it is still at
	idle    *sync.Cond
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
	status int    // is answered; 0: the connection breaks
	text   string // of the answer
	before cut    // where a connection breaks
	after  bool   // the call has its effect first
	lasts  bool   // is tried only from then on
}

type cut int

const (
	atOnce   cut = iota // when the call comes, or in place of the answer
	inCall              // in the middle of the call
	inAnswer            // in the middle of the answer
	late                // when the server has waited for a while
)

// newFaultyServer is a server with the planted files.
func newFaultyServer(t *testing.T) *faultyServer {
	f := &faultyServer{T: t, dir: t.TempDir(), calls: map[string]int{}}
	f.idle = sync.NewCond(&f.mu)
	for _, path := range slices.Sorted(maps.Keys(planted)) {
		at := filepath.Join(f.dir, path)
		if strings.HasSuffix(path, "/") {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(planted[path]), 0o644); err != nil {
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

// close waits until the server is done with all calls.
func (f *faultyServer) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.working > 0 {
		f.idle.Wait()
	}
}

// holds returns what the server keeps once it is done with all calls.
func (f *faultyServer) holds() map[string]string {
	f.Helper()
	f.close()
	disk := map[string]string{}
	err := filepath.WalkDir(f.dir, func(at string, entry fs.DirEntry, err error) error {
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
	if err != nil {
		f.Error(err)
	}
	return disk
}

// everyFault lets each call that davdisk makes to a server in each scenario fail
// in each way, as TestEveryFault does with an emulated disk. One in every is
// tried, at the level long all.
func everyFault(t *testing.T, start func(*testing.T) *faultyServer, every int, ways map[string]failure) {
	if testlevel.Long() {
		every = 1
	}
	var cases, refused atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d faults, of which %d made the request fail", cases.Load(), refused.Load())
		if cases.Load() == 0 {
			t.Error("no fault was tried")
		}
	})
	for i, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			newOne := func() *subject {
				d := &subject{T: t, other: start(t), state: t.TempDir()}
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
