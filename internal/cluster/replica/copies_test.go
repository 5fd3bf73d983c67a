package replica_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/journal"
)

// TestALogThatIsBehindIsRefused also when it has grown since it was restored from a
// copy of itself, and by a process that has not seen what it had.
func TestALogThatIsBehindIsRefused(t *testing.T) {
	for _, way := range []string{"closed", "killed", "running", "running, and given a snapshot"} {
		t.Run(way, func(t *testing.T) {
			log, c := clustertest.NewMemory("a"), replica.Config{Dir: t.TempDir()}
			var others replica.Config
			g := open(t, log, c, format)
			m := g.join()
			g.propose("kept")
			restore := log.Copy()
			seq := g.propose("lost")
			switch way {
			case "closed":
				if err := g.engine.Close(); err != nil {
					t.Fatal(err)
				}
			case "killed": // some time later, when the folder has learned of it
				file := filepath.Join(c.Dir, "cluster")
				joined := read(t, file)
				until(t, "it has run for long", func() bool { return read(t, file) != joined }, g)
				before := read(t, file)
				g.kill()
				if err := os.WriteFile(file, []byte(before), 0o600); err != nil { // who is killed writes nothing more
					t.Fatal(err)
				}
			case "running":
				g.cut(true)
			case "running, and given a snapshot": // of the log that has lost something
				g.cut(true)
				others.Entries = 10
			}
			restore()
			other := open(t, log, others, format)
			other.join()
			if others.Entries > 0 {
				until(t, "the one that is cut off is expelled", func() bool {
					status, err := other.engine.Status(t.Context())
					return err == nil && len(status.Members) == 1
				}, other)
			}
			for other.propose("x") < 100*seq {
			}
			if strings.HasPrefix(way, "running") {
				g.cut(false)
				<-m.Lost()
			} else {
				g = open(t, log, c, format)
			}
			for range 2 {
				if _, err := g.engine.Join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
					t.Errorf("join: %v", err)
				}
			}
			other.propose("y") // it does not disturb those who agree
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestANumberThatWasThereIsNotTaken: a log that was restored from a copy while it
// could not be reached gives its numbers again.
func TestANumberThatWasThereIsNotTaken(t *testing.T) {
	log := clustertest.NewMemory("a")
	held := &hooked{}
	g := openOn(t, log, replica.Config{}, format, held.on)
	m := g.join()
	restore := log.Copy()
	g.propose("a")
	g.propose("b")
	held.append = func(string) { restore() }
	if _, err := g.log.Propose(t.Context(), "c", journal.Options{}); err == nil {
		t.Error("it was acknowledged")
	}
	<-m.Lost()
}

// TestTwoGatewaysWithOneFolder: the later one is a member, and the earlier one gives
// way for good, also on the same machine.
func TestTwoGatewaysWithOneFolder(t *testing.T) {
	for i := range 4 {
		running, boot := i%2 == 1, []string{"here", "there"}[i/2]
		log, dir, copied := clustertest.NewMemory("a"), t.TempDir(), t.TempDir()
		c := replica.Config{Dir: dir, Boot: "here"}
		before := open(t, log, c, format)
		before.join()
		if err := before.engine.Close(); err != nil {
			t.Fatal(err)
		}
		take := func() {
			if err := os.WriteFile(filepath.Join(copied, "cluster"), []byte(read(t, filepath.Join(dir, "cluster"))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if !running {
			take()
		}
		a := open(t, log, c, format)
		was := a.join()
		a.propose("a")
		if running {
			take()
		}
		b := open(t, log, replica.Config{Dir: copied, Boot: boot}, format)
		is := b.join()
		if is.Gateway() != was.Gateway() {
			t.Fatalf("%s is %s", is.Gateway(), was.Gateway())
		}
		<-was.Lost()
		if _, err := a.log.Propose(t.Context(), "x", journal.Options{}); !errors.Is(err, cluster.ErrExpelled) {
			t.Errorf("a proposal of the earlier: %v", err)
		}
		had := log.Len()
		for range 3 {
			if _, err := a.engine.Join(t.Context()); !errors.Is(err, cluster.ErrExpelled) {
				t.Errorf("the earlier joins again: %v", err)
			}
		}
		if log.Len() != had {
			t.Errorf("it has written %d entries", log.Len()-had)
		}
		seq := b.propose("b")
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.log.AppliedByAll(over, seq); !errors.Is(err, context.Canceled) {
			t.Errorf("one that may not know yet is not waited for: %v", err)
		}
		until(t, "the earlier is expelled", func() bool { return members(t, b) == 1 }, b)
		if err := b.log.AppliedByAll(t.Context(), seq); err != nil {
			t.Error(err)
		}
		if is.Remaining() == 0 {
			t.Error("the later is no member any more")
		}
		if all, expelled := b.words.get(); all != "a b" || expelled[len(expelled)-1] != was.Epoch() {
			t.Errorf("there is %q, and %v were expelled", all, expelled)
		}
	}
}

// TestWhatAnEarlierLifeIsToldDoesNotEndThisOne: a call that comes back late speaks
// of the log as it was.
func TestWhatAnEarlierLifeIsToldDoesNotEndThisOne(t *testing.T) {
	log := clustertest.NewMemory("a")
	held := &hooked{refused: make(chan struct{}, 1), followed: make(chan struct{})}
	g := openOn(t, log, replica.Config{}, format, held.on)
	m := g.join()
	held.append = func(key string) {
		if key[:5] == "join-" {
			close(held.followed) // only now the call that followed the earlier one ends
		}
	}
	log.Replace(replica.Identity{ID: "b", Replaces: "a"})
	<-held.refused
	if _, err := g.log.Propose(t.Context(), "x", journal.Options{}); !errors.Is(err, cluster.ErrOtherLog) {
		t.Fatal(err)
	}
	<-m.Lost()
	g.join()
	g.propose("a")
	if all, _ := g.words.get(); all != "a" {
		t.Errorf("there is %q", all)
	}
}
