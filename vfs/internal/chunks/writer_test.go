package chunks

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
)

// contentOf returns size bytes that differ from chunk to chunk, and with seed.
func contentOf(seed byte, size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = seed + byte(i%251) + byte(i/Size)
	}
	return content
}

// add gives a Writer the content from off to end in small pieces.
func add(w *Writer, content []byte, off, end int) {
	for at := off; at < end; {
		n := min(50_001, end-at)
		w.Add(int64(at), content[at:at+n])
		at += n
	}
}

// cached returns the chunks of a version that all are given, as "0 2", and fails
// if one is not as in content.
func cached(t *testing.T, c *Cache, version string, content []byte) string {
	t.Helper()
	var have []int
	for i := 0; i*Size < len(content); i++ {
		if got := c.Get(version, int64(i), nil); got != nil {
			have = append(have, i)
			if !bytes.Equal(got, content[i*Size:min(len(content), (i+1)*Size)]) {
				t.Errorf("chunk %d of %s has other bytes", i, version)
			}
		}
	}
	return fmt.Sprint(have)
}

// settled checks that Writers have left nothing, and that the cache counts what
// is on disk.
func settled(t *testing.T, c *Cache) {
	t.Helper()
	if n := c.buffers.used.Load(); n != 0 {
		t.Errorf("%d buffers are in use", n)
	}
	files, size := onDisk(t, c.dir)
	c.mu.Lock()
	defer c.mu.Unlock()
	used := int64(0)
	for _, n := range c.used {
		used += n
	}
	if len(c.byKey) != len(files) || c.order.Len() != len(files) || c.total != size || used != size {
		t.Errorf("%d files of %d bytes; counted %d, %d of %d, by version %d", len(files), size, len(c.byKey), c.order.Len(), c.total, used)
	}
}

func TestWriterCachesWholeChunks(t *testing.T) {
	const size = 3*Size + 100
	content := contentOf(1, size)
	for name, test := range map[string]struct {
		parts [][2]int
		want  string
	}{
		"all":                      {[][2]int{{0, size}}, "[0 1 2 3]"},
		"not to the end":           {[][2]int{{0, size - 1}}, "[0 1 2]"},
		"from the middle":          {[][2]int{{Size - 1, 2*Size + 5}}, "[1]"},
		"a gap":                    {[][2]int{{0, Size + 10}, {Size + 11, size}}, "[0 2 3]"},
		"again":                    {[][2]int{{0, 10}, {0, Size}, {5, Size}}, "[0]"},
		"back within a chunk":      {[][2]int{{0, Size - 1}, {Size - 2, Size}}, "[]"},
		"the last one":             {[][2]int{{3 * Size, size}}, "[3]"},
		"the end of one, and next": {[][2]int{{Size / 2, Size}, {Size, 2 * Size}}, "[1]"},
		"nothing":                  {nil, "[]"},
	} {
		c := open(t, t.TempDir(), 64<<20)
		for which, w := range map[string]*Writer{
			"in place": c.Writer("in place", size, func(i int64, data []byte) { c.Put("in place", i, data) }),
			"beside":   c.WriterBeside("beside", size), "kept": c.UncheckedWriter("kept", size),
		} {
			for _, part := range test.parts {
				add(w, content, part[0], part[1])
			}
			if which == "kept" {
				w.Keep()
				add(w, content, 0, size) // too late
			}
			w.Close()
			w.Close()
			if got := cached(t, c, which, content); got != test.want {
				t.Errorf("%s, %s: %s is cached, want %s", name, which, got, test.want)
			}
		}
		settled(t, c)
	}
}

// TestWriterFallsBehind: a disk that does not write keeps no reader waiting, and
// takes no more than its buffers. What has been passed to it is cached.
func TestWriterFallsBehind(t *testing.T) {
	const size = (maxWaiting + 4) * Size
	content := contentOf(2, size)
	c := open(t, t.TempDir(), 64<<20)
	w := c.WriterBeside("v", size)
	put, begun, goOn := w.put, make(chan struct{}), make(chan struct{})
	w.put = func(i int64, data []byte) {
		if i == 0 {
			close(begun)
			<-goOn
		}
		put(i, data)
	}
	add(w, content, 0, Size)
	<-begun
	add(w, content, Size, size)
	if n := c.buffers.used.Load(); n != maxWaiting+1 {
		t.Errorf("%d buffers are in use, want %d", n, maxWaiting+1)
	}
	close(goOn)
	w.Close()
	for i := range int64(maxWaiting + 4) {
		if got := c.Get("v", i, nil) != nil; got != (i <= maxWaiting) {
			t.Errorf("chunk %d is cached: %v", i, got)
		}
	}
	cached(t, c, "v", content)
	settled(t, c)
}

// TestBuffersAreBounded: readers who have begun a chunk hold a buffer each; the
// others go without.
func TestBuffersAreBounded(t *testing.T) {
	c := open(t, t.TempDir(), 64<<20)
	content := contentOf(3, Size)
	var all []*Writer
	for i := range maxBuffers + 3 {
		w := c.WriterBeside(fmt.Sprint(i), Size)
		add(w, content, 0, Size-1)
		all = append(all, w)
	}
	if n := c.buffers.used.Load(); n != maxBuffers {
		t.Errorf("%d buffers are in use", n)
	}
	for i, w := range all {
		add(w, content, Size-1, Size)
		w.Close()
		if got := c.Get(fmt.Sprint(i), 0, nil) != nil; got != (i < maxBuffers) {
			t.Errorf("the chunk of reader %d is cached: %v", i, got)
		}
	}
	settled(t, c)
}

// TestUncheckedWriter: nobody is given what was not compared, and it is removed.
func TestUncheckedWriter(t *testing.T) {
	const size = 2*Size + 1
	content := contentOf(4, size)
	c := open(t, t.TempDir(), 64<<20)
	w := c.UncheckedWriter("v", size)
	put, written := w.put, make(chan int64, 3)
	w.put = func(i int64, data []byte) {
		put(i, data)
		written <- i
	}
	add(w, content, 0, 2*Size+1)
	for range 3 {
		<-written
	}
	if files, _ := onDisk(t, c.dir); len(files) != 3 {
		t.Errorf("%d files are written", len(files))
	}
	if got := cached(t, c, "v", content); got != "[]" {
		t.Errorf("%s is given to others", got)
	}
	w.Close()
	if files, _ := onDisk(t, c.dir); len(files) != 0 {
		t.Errorf("%q are left", files)
	}
	settled(t, c)
}

// TestAbandonedWriter: Close waits for what is being written, and what waits for
// that is not written any more.
func TestAbandonedWriter(t *testing.T) {
	const size = 4 * Size
	content := contentOf(5, size)
	synctest.Test(t, func(t *testing.T) {
		c := open(t, t.TempDir(), 64<<20)
		w := c.UncheckedWriter("v", size)
		put, goOn := w.put, make(chan struct{})
		count := 0
		w.put = func(i int64, data []byte) {
			count++
			<-goOn
			put(i, data)
		}
		add(w, content, 0, 3*Size)
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			w.Close()
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close does not wait for what is being written")
		default:
		}
		close(goOn)
		<-closed
		if files, _ := onDisk(t, c.dir); count != 1 || len(files) != 0 {
			t.Errorf("%d chunks were written, %q are left", count, files)
		}
		settled(t, c)
	})
}

// TestOneVersionGetsItsShare: a large file does not evict the others, in whatever
// way it is cached, and once its chunks are gone it may have its share again.
func TestOneVersionGetsItsShare(t *testing.T) {
	const most = 16 * (Size + sumSize)
	content := contentOf(6, 20*Size)
	for name, cache := range map[string]func(c *Cache, version string){
		"put": func(c *Cache, version string) {
			for i := range int64(20) {
				c.Put(version, i, content[i*Size:(i+1)*Size])
			}
		},
		"kept": func(c *Cache, version string) {
			u := c.Unchecked(version)
			for i := range int64(20) {
				u.Put(i, content[i*Size:(i+1)*Size])
			}
			u.Keep()
		},
		"beside": func(c *Cache, version string) {
			w := c.UncheckedWriter(version, 20*Size)
			add(w, content, 0, 4*Size) // as much as does not fall behind
			w.Keep()
			w.Close()
			w = c.WriterBeside(version, 20*Size)
			add(w, content, 4*Size, 20*Size)
			w.Close()
		},
	} {
		c := open(t, t.TempDir(), most)
		for i := range int64(12) {
			c.Put(fmt.Sprint(i), 0, content[:Size])
		}
		for range 2 {
			cache(c, "large")
			if got, want := cached(t, c, "large", content), "[0 1 2 3]"; got != want {
				t.Errorf("%s: %s is cached, want %s", name, got, want)
			}
			for i := range int64(12) {
				if c.Get(fmt.Sprint(i), 0, nil) == nil {
					t.Errorf("%s: the chunk of file %d is gone", name, i)
				}
			}
			settled(t, c)
			c.Drop("large")
		}
		c = open(t, c.dir, most)
		cache(c, "large")
		again := open(t, c.dir, most)
		again.Put("large", 10, content[:Size])
		if again.Get("large", 10, nil) != nil {
			t.Errorf("%s: after a restart it gets more than its share", name)
		}
		settled(t, again)
	}
}

// TestWritersAtOnce has readers come, leave and fail while others read the same
// versions, chunks are evicted and versions dropped.
func TestWritersAtOnce(t *testing.T) {
	const size = 2*Size + 1000
	c := open(t, t.TempDir(), 9*Size)
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for i := range 6 {
				seed := byte((g + i) % 4)
				version, content := fmt.Sprint("v", seed), contentOf(seed, size)
				w := c.UncheckedWriter(version, size)
				if i%3 == 1 {
					w = c.WriterBeside(version, size)
				}
				end := size
				if i%3 == 2 {
					end = Size + 500
				}
				add(w, content, 0, end)
				if i%3 == 0 {
					w.Keep()
				}
				for n := range int64(3) {
					want := content[n*Size : min(size, (n+1)*Size)]
					if got := c.Get(version, n, nil); got != nil && !bytes.Equal(got, want) {
						t.Errorf("chunk %d of %s has other bytes", n, version)
					}
				}
				if i == 4 {
					c.Drop(version)
				}
				w.Close()
			}
		})
	}
	wg.Wait()
	if _, total := onDisk(t, c.dir); total > c.max {
		t.Errorf("%d bytes, want at most %d", total, c.max)
	}
	settled(t, c)
}
