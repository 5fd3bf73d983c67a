package chunks

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string, max int64) *Cache {
	t.Helper()
	c, err := Open(dir, max)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// onDisk is the number of files below dir, and their size.
func onDisk(t *testing.T, dir string) (files []string, size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		files, size = append(files, name), size+info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, size
}

func TestChunksSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 1<<20)
	c.Put("v1", 0, []byte("zero"))
	c.Put("v1", 1, []byte("one"))
	for range 2 {
		if got := c.Get("v1", 0, nil); string(got) != "zero" {
			t.Errorf("chunk 0 is %q", got)
		}
		if got := c.Get("v1", 1, nil); string(got) != "one" {
			t.Errorf("chunk 1 is %q", got)
		}
		if got := c.Get("v2", 0, nil); got != nil {
			t.Errorf("a chunk of another version is %q", got)
		}
		c = open(t, dir, 1<<20)
	}
}

// TestARestartSweeps what a crash has left half written, and what is too much
// now: the oldest goes first.
func TestARestartSweeps(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 1<<20)
	data := bytes.Repeat([]byte("x"), 1000)
	names := map[string]time.Time{}
	for i := range int64(4) {
		c.Put("v", i, data)
		names[fileName("v", i)] = time.Unix(1_700_000_000+(i*7)%4, 0) // 0, 3, 2, 1
	}
	for name, used := range names {
		if err := os.Chtimes(filepath.Join(dir, name), used, used); err != nil {
			t.Fatal(err)
		}
	}
	half := filepath.Join(dir, filepath.Dir(fileName("v", 0)), "new-123")
	if err := os.WriteFile(half, data, 0o600); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir, 2*(1000+sumSize))
	for i, want := range []bool{false, true, true, false} {
		if got := c.Get("v", int64(i), nil) != nil; got != want {
			t.Errorf("chunk %d is there: %v, want %v", i, got, want)
		}
	}
	if files, _ := onDisk(t, dir); len(files) != 2 {
		t.Errorf("on disk there are %q", files)
	}
}

func TestSizeIsBounded(t *testing.T) {
	dir := t.TempDir()
	const max = 10_000
	version := func(i int64) string { return fmt.Sprint("v", i) }
	c := open(t, dir, max)
	data := bytes.Repeat([]byte("x"), 1000)
	for i := range int64(50) {
		c.Put(version(i), 0, data)
		c.Get(version(0), 0, nil) // the one in use stays
		if _, size := onDisk(t, dir); size > max {
			t.Fatalf("%d bytes after %d chunks", size, i+1)
		}
	}
	if c.Get(version(0), 0, nil) == nil {
		t.Error("the chunk used last is gone")
	}
	if c.Get(version(1), 0, nil) != nil {
		t.Error("the chunk not used for longest is still there")
	}
	c.Put("large", 0, make([]byte, max))
	if c.Get("large", 0, nil) != nil || c.Get(version(0), 0, nil) == nil {
		t.Error("what does not fit has driven out what does")
	}
	if c = open(t, dir, max/2); c.total > max/2 {
		t.Errorf("%d bytes after opening with half the room", c.total)
	}
}

func TestSpoiltChunksAreNotUsed(t *testing.T) {
	spoil := map[string]func(name string, data []byte) error{
		"a bit": func(name string, data []byte) error { data[len(data)-1] ^= 1; return os.WriteFile(name, data, 0o600) },
		"cut":   func(name string, data []byte) error { return os.WriteFile(name, data[:len(data)-1], 0o600) },
		"empty": func(name string, _ []byte) error { return os.WriteFile(name, nil, 0o600) },
		"gone":  func(name string, _ []byte) error { return os.Remove(name) },
	}
	for what, f := range spoil {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, dir, 1<<20)
			c.Put("v", 0, []byte("content"))
			files, _ := onDisk(t, dir)
			data, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := f(files[0], data); err != nil {
				t.Fatal(err)
			}
			if got := c.Get("v", 0, nil); got != nil {
				t.Errorf("%q was used", got)
			}
			c.Put("v", 0, []byte("content"))
			if got := c.Get("v", 0, nil); string(got) != "content" {
				t.Errorf("stored again it is %q", got)
			}
		})
	}
	t.Run("another's name", func(t *testing.T) {
		dir := t.TempDir()
		c := open(t, dir, 1<<20)
		c.Put("a", 0, []byte("aaaa"))
		c.Put("b", 0, []byte("bbbb"))
		if err := os.Rename(filepath.Join(dir, fileName("a", 0)), filepath.Join(dir, fileName("b", 0))); err != nil {
			t.Fatal(err)
		}
		if got := c.Get("b", 0, nil); got != nil {
			t.Errorf("%q was taken for b", got)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	c := open(t, t.TempDir(), 20_000)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range int64(100) {
				want := bytes.Repeat([]byte{byte(i)}, 500)
				c.Put("v", i, want)
				if got := c.Get("v", (i+int64(g))%100, nil); got != nil && !bytes.Equal(got, bytes.Repeat([]byte{byte((i + int64(g)) % 100)}, 500)) {
					t.Error("another chunk came back")
				}
			}
		})
	}
	wg.Wait()
}

// TestUncheckedByMany has what one open file reads in several goroutines put and
// read while it is closed: nobody else is given any of it.
func TestUncheckedByMany(t *testing.T) {
	c := open(t, t.TempDir(), 1<<20)
	for range 20 {
		u := c.Unchecked("v")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range int64(10) {
					want := bytes.Repeat([]byte{byte(i)}, 50)
					u.Put(i, want)
					if got := u.Get(i, nil); got != nil && !bytes.Equal(got, want) {
						t.Error("another chunk came back")
					}
				}
			})
		}
		wg.Go(u.Discard)
		wg.Wait()
		for i := range int64(10) {
			if got := c.Get("v", i, nil); got != nil {
				t.Errorf("chunk %d is given to others", i)
			}
		}
	}
}
