package lock

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkLockAndUnlock is what a client waits for: both changes are on disk
// when they are answered.
func BenchmarkLockAndUnlock(b *testing.B) {
	for name, dir := range map[string]string{"memory": "", "disk": b.TempDir()} {
		b.Run(name, func(b *testing.B) {
			table, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer table.Close()
			for b.Loop() {
				l, err := table.Create(Request{Root: "/d/f"})
				if err != nil {
					b.Fatal(err)
				}
				if err := table.Unlock("/d/f", "", l.Token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkManyLockAndUnlock is the same for 16 clients at once, whose changes
// share what they wait for.
func BenchmarkManyLockAndUnlock(b *testing.B) {
	table, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer table.Close()
	var client atomic.Int64
	b.SetParallelism(16 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		root := fmt.Sprint("/d/", client.Add(1))
		for pb.Next() {
			l, err := table.Create(Request{Root: root})
			if err != nil {
				b.Error(err)
				return
			}
			if err := table.Unlock(root, "", l.Token); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkFullTable is a PUT and a listing while the table is full.
func BenchmarkFullTable(b *testing.B) {
	table, err := Open("", Options{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range DefaultMaxLocks {
		if _, err := table.Create(Request{Root: fmt.Sprintf("/d/%d/f", i), Owner: strings.Repeat("o", 200), Missing: true}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := table.Confirm("", nil, Change{Path: "/d/new", Content: true, Member: true}); err != nil {
			b.Fatal(err)
		}
		if len(table.PlaceholdersIn("/d/7")) != 1 || len(table.Covering("/d/7/f")) != 1 {
			b.Fatal("the lock is not found")
		}
	}
}
