package e2e

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestReadersSeeOneVersion reads a file, whole and in ranges, while it is
// written over, moved over and written by another program, and while somebody
// cuts and spoils the files of the content cache. Every answer that is whole is
// of one version.
func TestReadersSeeOneVersion(t *testing.T) {
	const blocks, block = 40, 25_000 // so that a version takes several chunks of the cache
	version := func(n int) string { return strings.Repeat(fmt.Sprintf("%09d\n", n), blocks*block/10) }
	writes, looks := 16, 10
	if testlevel.Long() {
		writes, looks = 400, 30
	}
	seed := seedOf(t)
	t.Logf("seed %d", seed)
	d := newSubject(t, emulator.Knobs{})
	defer d.close()
	if code, body := d.request(http.MethodPut, "/f.txt", version(0), nil); code/100 != 2 {
		t.Fatal(code, body)
	}
	var over atomic.Bool
	var whole, cut, parts atomic.Int64
	var working sync.WaitGroup
	read := make(chan struct{})
	stop := make(chan struct{})
	for reader := range 3 {
		r := rand.New(rand.NewPCG(seed, uint64(reader)))
		working.Go(func() {
			for !over.Load() {
				header := map[string]string{}
				if r.IntN(2) == 0 {
					header["Range"] = fmt.Sprintf("bytes=%d-", r.IntN(blocks*block/10)*10)
				}
				code, body := d.request(http.MethodGet, "/f.txt", "", header)
				switch {
				case code == 0 || code == http.StatusServiceUnavailable:
					cut.Add(1)
				case code/100 != 2 || len(body) < 10:
					t.Errorf("it was answered %d with %d bytes", code, len(body))
				case strings.Count(body, body[:10]) != len(body)/10:
					t.Error("an answer is a mixture of versions")
				case code == http.StatusOK && len(body) != blocks*block:
					t.Errorf("an answer has %d bytes", len(body))
				case code == http.StatusOK:
					whole.Add(1)
				default:
					parts.Add(1)
				}
				select {
				case read <- struct{}{}:
				case <-stop:
				}
			}
		})
	}
	working.Go(func() {
		r := rand.New(rand.NewPCG(seed, 100))
		for !over.Load() {
			spoil(r, filepath.Join(d.state, "cache"))
		}
	})
	for n := 1; n <= writes; n++ {
		for range looks { // so that some come from the cache
			<-read
		}
		var code int
		var body string
		switch n % 4 {
		case 0:
			if err := d.disk.WriteFile("disk:/f.txt", []byte(version(n))); err != nil {
				t.Error(err)
			}
			continue
		case 1:
			d.request(http.MethodPut, "/other", version(n), nil)
			code, body = d.request("MOVE", "/other", "", map[string]string{"Destination": "/f.txt"})
		default:
			code, body = d.request(http.MethodPut, "/f.txt", version(n), nil)
		}
		if code/100 != 2 {
			t.Errorf("version %d was answered %d %s", n, code, body)
		}
	}
	over.Store(true)
	close(stop)
	working.Wait()
	t.Logf("%d whole answers, %d in part, %d cut", whole.Load(), parts.Load(), cut.Load())
	if whole.Load() == 0 || parts.Load() == 0 {
		t.Error("hardly anything was read: this run shows nothing")
	}
}

// spoil cuts or changes one of the files in a folder.
func spoil(r *rand.Rand, dir string) {
	var files []string
	_ = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, name)
		}
		return nil
	})
	if len(files) == 0 {
		return
	}
	name := files[r.IntN(len(files))]
	if r.IntN(2) == 0 {
		_ = os.Truncate(name, int64(r.IntN(1000)))
		return
	}
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return // it has been dropped
	}
	defer file.Close()
	_, _ = io.WriteString(io.NewOffsetWriter(file, int64(r.IntN(200_000))), "000000000\n000000000\n")
}
