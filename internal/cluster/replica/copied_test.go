package replica_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/journal"
)

// TestAProcessAndItsCopy: of the two processes of a virtual machine that was copied
// while it ran, the one whose entry is second takes the first's for none of its own,
// and gives way for good.
func TestAProcessAndItsCopy(t *testing.T) {
	for _, way := range []string{"proposes the same number", "sees the same number", "sees a later number", "is sent a snapshot", "sees it join again"} {
		t.Run(way, func(t *testing.T) {
			log, dir := clustertest.NewMemory("a"), t.TempDir()
			a := open(t, log, replica.Config{Entries: 10}, format)
			m := a.join()
			a.propose("a")
			held := &hooked{}
			b := openOn(t, log, replica.Config{Dir: dir, Boot: "here"}, format, held.on)
			if err := b.engine.Observe(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.engine.CopyOf(a.engine)
			copied := b.engine.Member()
			isLost := func() bool {
				select {
				case <-copied.Lost():
					return true
				default:
					return false
				}
			}
			if way == "sees it join again" {
				a.clock.Suspend(replica.DefaultLease)
				if left := m.Remaining(); left != 0 {
					t.Fatalf("it has %v left", left)
				}
				a.join()
			} else {
				b.connection.Cut(true)
			}
			proposed := make(chan error, 1)
			if way == "sees the same number" { // before its own entry is sent
				held.append = func(string) {
					select {
					case <-copied.Lost():
					case <-t.Context().Done():
					}
				}
			}
			if strings.HasSuffix(way, "the same number") {
				go func() {
					_, err := b.log.Propose(t.Context(), "b", journal.Options{})
					proposed <- err
				}()
				until(t, "it is proposed", func() bool { return b.engine.Pending() == 1 })
			}
			a.propose("c")
			if way == "is sent a snapshot" {
				until(t, "there is a snapshot", func() bool { a.propose("c"); return log.Len() < 10 })
			}
			b.connection.Cut(false)
			until(t, "it gives way", isLost)
			if strings.HasSuffix(way, "the same number") {
				if err := <-proposed; !errors.Is(err, cluster.ErrExpelled) {
					t.Errorf("its proposal: %v", err)
				}
			}
			if _, err := b.engine.Join(t.Context()); !errors.Is(err, cluster.ErrExpelled) {
				t.Errorf("it joins: %v", err)
			}
			a.propose("d")
			if all, _ := a.words.get(); strings.Contains(all, "b") || !strings.HasSuffix(all, "d") {
				t.Errorf("there is %q", all)
			}
			if file := read(t, filepath.Join(dir, "cluster")); strings.Contains(file, `"boot"`) {
				t.Errorf("its next process takes this one, and its copy, for gone: %s", file)
			}
		})
	}
}
