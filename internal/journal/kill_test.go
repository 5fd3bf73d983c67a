package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// victim names the file in which a copy of this test program keeps a journal
// until it is killed.
const victim = "DAVDISK_JOURNAL_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victim); path != "" {
		proposeUntilKilled(path)
		return
	}
	os.Exit(m.Run())
}

// proposeUntilKilled sets values from several goroutines without end, so long
// that the file is rewritten again and again, and says so after each.
func proposeUntilKilled(path string) {
	j, err := Open(path, Config[set]{Format: "test 1", Machine: newMemory()})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var out sync.Mutex
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := 1; ; i++ {
				if _, err := j.Propose(context.Background(), set{fmt.Sprint(worker), fmt.Sprint(i, " ", strings.Repeat("x", 3000))}, Options{}); err != nil {
					fmt.Println("error", err)
					return
				}
				out.Lock()
				fmt.Println(worker, i)
				out.Unlock()
			}
		})
	}
	all.Wait()
}

// TestAcknowledgedSurvivesKill kills a process that keeps a journal, without
// warning: what it had told is there, or something later of the same goroutine.
func TestAcknowledgedSurvivesKill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []int{1, 2, 50, 333} {
		path := filepath.Join(t.TempDir(), "journal")
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), victim+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last := map[string]int{}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var worker string
			var i int
			if _, err := fmt.Sscan(lines.Text(), &worker, &i); err != nil {
				t.Fatalf("the victim says %q", lines.Text())
			}
			last[worker] = i
			if n == told {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // "signal: killed", as wanted

		j, m := open(t, path)
		for worker, i := range last {
			var got int
			if _, err := fmt.Sscan(m.values[worker], &got); err != nil || got != i && got != i+1 {
				t.Errorf("killed after %d lines: %s has %d, want %d or the next", told, worker, got, i)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) != 0 {
			t.Errorf("there is left %v", left)
		}
		closed(t, j)
	}
}
