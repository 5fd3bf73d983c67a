package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestKilledAmidTrees ends davdisk again and again, as a power cut does and as
// a user does, while clients move, copy, replace and delete folders, and write
// small files and large ones, on a service where all of that takes its time.
// At the next start each folder is as it was told to be, or as the request that
// got no answer would have made it; in the end nothing hidden is left.
func TestKilledAmidTrees(t *testing.T) {
	rounds, clients := 6, 3
	if testlevel.Long() {
		rounds = 60
	}
	seed := seedOf(t)
	t.Logf("seed %d", seed)
	start := time.Now()
	disk := startDisk(t, emulator.Options{
		Now:   func() time.Time { return start.Add(20 * time.Since(start)) },
		Knobs: emulator.Knobs{Async: "always", OperationPolls: 1},
	})
	home := t.TempDir()
	books := make([]*book, clients)
	for i := range books {
		books[i] = newBook(t, disk, fmt.Sprintf("/client %d", i))
	}
	for round := range rounds {
		s := serveIn(t, disk, home)
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		var working sync.WaitGroup
		for i, b := range books {
			mine := rand.New(rand.NewPCG(seed+uint64(i)+1, uint64(round)))
			working.Go(func() {
				for act := 0; len(b.may) < maxWorlds; act++ {
					done := anyDeed(mine, b.dir, 1000*round+act)
					if done.method == http.MethodPut && act%4 == 0 {
						done.content += large
					}
					if !b.note(t, done, s) || b.ended() {
						return
					}
				}
			})
		}
		<-time.After(time.Duration(50+r.IntN(700)) * time.Millisecond)
		if round%3 == 2 {
			_ = s.cmd.Process.Signal(syscall.SIGTERM)
			<-s.end
			s.cmd = nil
		} else {
			s.kill()
		}
		working.Wait()
	}
	s := serveIn(t, disk, home)
	for _, b := range books {
		if a := s.act(deed{method: "PROPFIND", path: b.dir}); a.code != http.StatusMultiStatus {
			t.Errorf("%s was answered %d %s", b.dir, a.code, a.body)
		}
	}
	until(t, "nothing hidden is left", func() bool {
		for _, entry := range disk.Dump() {
			if strings.HasPrefix(entry.Path, "disk:") && strings.Contains(entry.Path, ".davdisk-") {
				return false
			}
		}
		return true
	})
	s.stop()
	for _, b := range books {
		b.compare(t, disk)
	}
}

// ended reports whether the last deed got no answer.
func (b *book) ended() bool {
	last := b.diary[len(b.diary)-1]
	return strings.Contains(last, ": 0")
}

func (s *server) act(act deed) answer {
	req, err := http.NewRequest(act.method, strings.TrimSuffix(s.url, "/")+escaped(act.path), strings.NewReader(act.content))
	if err != nil {
		s.Error(err)
		return answer{}
	}
	for name, value := range act.header() {
		if name == "Destination" {
			value = strings.TrimSuffix(s.url, "/") + value
		}
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{body: err.Error()}
	}
	return answer{res.StatusCode, string(body)}
}
