package lock

import (
	"fmt"
	"strings"
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
