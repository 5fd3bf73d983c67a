package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// waitQueued returns when n proposals wait for the next batch.
func waitQueued(j *Journal[set], n int) {
	for queued := -1; queued != n; runtime.Gosched() {
		j.nextMu.Lock()
		queued = 0
		if j.next != nil {
			queued = len(j.next.proposals)
		}
		j.nextMu.Unlock()
	}
}

// A disk holds each sync of a journal until it is told to go on, and keeps what
// the file had when the last one that succeeded began: what a loss of power
// leaves at the least.
type disk struct {
	began  chan struct{}
	finish chan error
	synced []byte
}

func newDisk(j *Journal[set]) *disk {
	d := &disk{began: make(chan struct{}), finish: make(chan error)}
	j.sync = func(f *os.File) error {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			return err
		}
		d.began <- struct{}{}
		if err := <-d.finish; err != nil {
			return err
		}
		d.synced = data
		return nil
	}
	return d
}

// propose proposes an entry in a goroutine, whose result comes by the channel.
func (d *disk) propose(t *testing.T, j *Journal[set], key string, told chan<- error) {
	t.Helper()
	go func() {
		_, err := j.Propose(context.Background(), set{key, "x"}, Options{})
		told <- err
	}()
}

// TestAnsweredAfterItsOwnSync has one entry being synced, seven waiting for the
// next sync, and one for that after it. Each is told when the sync ends that
// began after its write: not before it, and not after the next.
func TestAnsweredAfterItsOwnSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	propose(t, j, "a", "1")
	d := newDisk(j)
	first, second, third := make(chan error), make(chan error, 7), make(chan error)

	d.propose(t, j, "first", first)
	<-d.began
	for i := range 7 {
		d.propose(t, j, fmt.Sprint("second ", i), second)
	}
	waitQueued(j, 7)
	d.finish <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
	<-d.began
	d.propose(t, j, "third", third)
	waitQueued(j, 1)
	if len(second) != 0 {
		t.Error("an entry was told as done during its sync")
	}
	d.finish <- nil
	<-d.began // and this one is held until all seven are told
	for range 7 {
		if err := <-second; err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-third:
		t.Errorf("an entry was told during its sync: %v", err)
	default:
	}
	d.finish <- nil
	if err := <-third; err != nil {
		t.Error(err)
	}
}

// TestFailedSyncFailsAllThatWait: none of them is done, and none comes back.
func TestFailedSyncFailsAllThatWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	propose(t, j, "a", "1")
	d := newDisk(j)
	told := make(chan error, 8)
	broken := errors.New("the disk is broken")
	j.mu.Lock()
	for i := range 8 {
		d.propose(t, j, fmt.Sprint(i), told)
	}
	waitQueued(j, 8)
	j.mu.Unlock()
	<-d.began
	d.finish <- broken
	for range 8 {
		if err := <-told; !errors.Is(err, broken) {
			t.Errorf("told as %v", err)
		}
	}
	if len(m.order) != 1 {
		t.Errorf("applied are %q", m.order)
	}
	j.sync = (*os.File).Sync
	closed(t, j)
	if _, again := open(t, path); len(again.values) != 1 {
		t.Errorf("after a restart there is %v", again.values)
	}
}

// TestPowerIsLost between any two steps of eight clients, with the last write
// stored up to any byte: what was told is there.
func TestPowerIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	propose(t, j, "a", "1")
	left := filepath.Join(t.TempDir(), "journal")
	var mu sync.Mutex // guards what was told, and the file of the last sync
	told := map[string]bool{"a": true}
	synced, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	syncs, cuts := 0, 0
	lost := func(when string, written []byte) {
		for cut := len(synced); cut <= len(written); cut += 7 {
			replace(t, left, written[:cut])
			m := newMemory()
			after, err := Open(left, Config[set]{Format: "test 1", Machine: m})
			if err != nil {
				t.Errorf("%s, cut at %d: %v", when, cut, err)
				return
			}
			for key := range told {
				if m.values[key] == "" {
					t.Errorf("%s, cut at %d: %q was told and is lost", when, cut, key)
				}
			}
			cuts++
			if err := after.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	j.sync = func(f *os.File) error {
		written, err := os.ReadFile(f.Name())
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		lost("before the sync", written)
		synced, syncs = written, syncs+1
		lost("after the sync", written)
		return nil
	}
	const clients, entries = 8, 5
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range entries {
				key := fmt.Sprint(c, " ", i)
				if _, err := j.Propose(context.Background(), set{key, "x"}, Options{}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				told[key] = true
				lost("told", synced)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(told) != 1+clients*entries || cuts < len(told) {
		t.Errorf("%d told, %d cuts tried", len(told), cuts)
	}
	t.Logf("%d entries, %d syncs", clients*entries, syncs)
}
