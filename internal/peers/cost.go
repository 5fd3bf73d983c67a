package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A cost is what a piece of work took.
type cost struct {
	wall      time.Duration
	cpu       time.Duration // of the server: user and system, its children included
	calls     int           // requests to the API of the store
	transfers int           // requests that carry content to or from the store
	peak      int64         // VmHWM of the server and its children in bytes, since they were started
}

// family returns a process and its descendants, which Linux tells for each thread.
func family(pid int) ([]int, error) {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		if err != nil {
			return nil, err
		}
		if len(lists) == 0 && i == 0 {
			return nil, fmt.Errorf("/proc does not tell the children of process %d", all[i])
		}
		for _, list := range lists {
			text, err := os.ReadFile(list)
			if err != nil {
				continue // the thread has ended
			}
			for _, child := range strings.Fields(string(text)) {
				n, err := strconv.Atoi(child)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", list, err)
				}
				all = append(all, n)
			}
		}
	}
	return all, nil
}

// endedChildren returns the CPU time of the children of a process that have
// ended, in ticks of 10 ms, see proc(5).
func endedChildren(pid int) (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The second field, the name of the program, is in parentheses and may contain any.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const cutime, cstime = 16 - 3, 17 - 3
	if len(fields) <= cstime {
		return 0, fmt.Errorf("%s has %d fields", path, len(fields))
	}
	user, err := strconv.Atoi(fields[cutime])
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	system, err := strconv.Atoi(fields[cstime])
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	const tick = time.Second / 100 // USER_HZ is 100 on all that Go runs on
	return time.Duration(user+system) * tick, nil
}

// cpuTime returns the CPU time of a process and its descendants: to the
// nanosecond of those that live, in ticks of those that have ended.
func cpuTime(pid int) (time.Duration, error) {
	pids, err := family(pid)
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for i, pid := range pids {
		own, err := processClock(pid)
		if err == nil {
			var ended time.Duration
			ended, err = endedChildren(pid)
			own += ended
		}
		if err != nil {
			if i > 0 {
				continue // a child that has just ended, whose parent soon has its time
			}
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		total += own
	}
	return total, nil
}

// settled returns the CPU time once a server has done what it does after its
// answer: nothing is added for some time, or two seconds have passed.
func settled(pid int) (time.Duration, error) {
	const look, still = 25 * time.Millisecond, 500 * time.Microsecond
	before, err := cpuTime(pid)
	for range 80 {
		if err != nil {
			return 0, err
		}
		time.Sleep(look)
		var now time.Duration
		now, err = cpuTime(pid)
		if now-before < still {
			return now, err
		}
		before = now
	}
	return before, err
}

// peakMemory returns the most memory that a process and its descendants have had,
// the sum of their VmHWM, in bytes. What they share is counted for each.
func peakMemory(pid int) (int64, error) {
	pids, err := family(pid)
	if err != nil {
		return 0, err
	}
	var total int64
	for i, pid := range pids {
		status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			if i > 0 {
				continue // a child that has just ended
			}
			return 0, err
		}
		lines := bufio.NewScanner(status)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
				kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				if err != nil {
					status.Close()
					return 0, err
				}
				total += kib << 10
			}
		}
		status.Close()
	}
	if total == 0 {
		return 0, fmt.Errorf("process %d has no VmHWM in /proc", pid)
	}
	return total, nil
}
