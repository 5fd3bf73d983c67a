package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// A task is a piece of work, which each peer of a part does.
type task struct {
	name     string
	units    float64       // what the cost is divided by: requests, entries, MiB; 0 is 1
	latency  time.Duration // of every answer of the disk
	refused  float64       // share of the answers of the disk's API that are 429
	rate     int64         // bytes a second of each download, 0 is no limit
	large    bool          // the files are: the disk keeps them in a folder, and not in memory
	hard     bool          // some peers fail at it, which the tables then say; davdisk may not
	programs bool          // done by the peers' programs that copy, without a server
	prepare  func(place) error
	first    func(*session) error // a first look at what is worked on, of work that only reads
	warm     func(*session) error // is not measured; nil: the server does the work cold
	// work is measured. What it returns is called when the clock has stopped,
	// and looks whether the work was done.
	work func(*session) (done func() error, err error)
}

// A session is a peer at a task.
type session struct {
	context.Context
	*client
	peer  peer
	site  site
	place place
	cpu   time.Duration // of programs that have ended
}

// run runs a program to its end, which must be a good one.
func (s *session) run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	s.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return nil
}

// sizes are how much work the tasks are.
type sizes struct {
	some, many, most int   // files in a folder
	big              int64 // bytes of a large file
	reads, listings  int   // requests to a server for a folder of this machine
	requests         int   // requests to an upstream disk
	ranges, folders  int
	tree, synced     int // files that are copied
	locks            int
	latency          time.Duration

	// How far the lines of the part growth go.
	entries, clients []int
	lengths          []int64
}

// small is the size of a small file.
const small = 4 << 10

func sizesOf(quick bool) sizes {
	if quick {
		return sizes{
			some: 20, many: 40, most: 80, big: 1 << 20, reads: 40, listings: 2, requests: 16, ranges: 4, folders: 4,
			tree: 5, synced: 10, locks: 16, latency: time.Millisecond,
			entries: []int{20}, clients: []int{2}, lengths: []int64{small},
		}
	}
	return sizes{
		some: 1000, many: 10_000, most: 100_000, big: 1 << 30, reads: 5000, listings: 100, requests: 200, ranges: 100, folders: 200,
		tree: 100, synced: 300, locks: 400, latency: 30 * time.Millisecond,
		entries: []int{1000, 10_000, 100_000}, clients: []int{1, 8, 64}, lengths: []int64{small, 1 << 20, 1 << 30},
	}
}

// fileName is the name of the nth file of a folder.
func fileName(folder string, n int) string { return fmt.Sprintf("%s/file %06d.bin", folder, n) }

// fill puts a folder with n files of the given size in a place.
func fill(p place, folder string, n int, size int64) error {
	if err := p.mkdir(folder); err != nil {
		return err
	}
	for i := range n {
		if err := p.write(fileName(folder, i), contentOf(i, size)); err != nil {
			return err
		}
	}
	return nil
}

// filled is fill as the preparation of a task.
func filled(folder string, n int, size int64) func(place) error {
	return func(p place) error { return fill(p, folder, n, size) }
}

// holdsAll reports whether a folder holds n files as fill makes them, and no
// other.
func holdsAll(p place, folder string, n int, size int64) error {
	switch got, err := p.files(folder); {
	case err != nil:
		return err
	case got != n:
		return fmt.Errorf("%s holds %d files in place of %d", folder, got, n)
	}
	for i := range n {
		if err := stored(p, fileName(folder, i), contentOf(i, size)); err != nil {
			return err
		}
	}
	return nil
}

// nothing is the check of work that has checked itself.
func nothing() error { return nil }
