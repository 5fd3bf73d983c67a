package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// A ledger knows for each name which contents it may have: what was last
// acknowledged, and what has been sent since without an answer.
type ledger struct {
	mu  sync.Mutex // guards may
	may map[string]map[string]bool
}

func (l *ledger) sent(name, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.may[name] == nil {
		l.may[name] = map[string]bool{"": true}
	}
	l.may[name][hash] = true
}

func (l *ledger) acknowledged(name, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.may[name] = map[string]bool{hash: true}
}

// TestKilledWhileWriting kills davdisk again and again while clients write,
// and holds the disk against what was acknowledged: each file is the last
// content that was answered with success or a later one that was sent whole;
// nothing is torn, nothing is lost.
func TestKilledWhileWriting(t *testing.T) { killWhileWriting(t, 2*time.Millisecond) }

// TestKilledWithWriteBack is the same where much of what was acknowledged has
// not been stored yet.
func TestKilledWithWriteBack(t *testing.T) {
	killWhileWriting(t, 50*time.Millisecond, "--write-back")
}

func killWhileWriting(t *testing.T, latency time.Duration, flags ...string) {
	t.Helper()
	disk := startDisk(t, emulator.Options{})
	disk.SetLatency(latency)
	home := t.TempDir()
	killAgainAndAgain(t, func() *server { return serveIn(t, disk, home, flags...) }, func() map[string]string { return stored(disk) })
}

// killAgainAndAgain is killWhileWriting over any store, whose files stored
// returns.
func killAgainAndAgain(t *testing.T, serve func() *server, stored func() map[string]string) {
	t.Helper()
	rounds, writers := 4, 4
	if testlevel.Long() {
		rounds = 40
	}
	book := &ledger{may: map[string]map[string]bool{}}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range rounds {
		s := serve()
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		var clients sync.WaitGroup
		for w := range writers {
			lengths := make([]int, 200)
			for i := range lengths {
				lengths[i] = random.IntN(60_000)
			}
			clients.Go(func() { write(t, s.url, fmt.Sprintf("writer %d.txt", w), round, lengths, book) })
		}
		wait := time.NewTimer(time.Duration(100+random.IntN(900)) * time.Millisecond)
		<-wait.C
		s.kill()
		clients.Wait()
	}
	serve().stop()
	files := stored()
	for name, hash := range files {
		if strings.Contains(name, ".davdisk-") {
			t.Errorf("%s was left behind", name)
		}
		if may := book.may[name]; !may[hash] {
			t.Errorf("%s holds what was never sent whole, or what was acknowledged is lost", name)
		}
	}
	for name, may := range book.may {
		if _, there := files[name]; !there && !may[""] {
			t.Errorf("%s was acknowledged and is gone", name)
		}
	}
}

// write puts one version after another until the server is gone.
func write(t *testing.T, url, name string, round int, lengths []int, book *ledger) {
	for i, length := range lengths {
		content := []byte(fmt.Sprintf("%s, round %d, version %d\n%s", name, round, i, strings.Repeat("x", length)))
		book.sent(name, sum(content))
		req, err := http.NewRequest(http.MethodPut, url+strings.ReplaceAll(name, " ", "%20"), bytes.NewReader(content))
		if err != nil {
			t.Error(err)
			return
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				t.Logf("%s: cut in the answer", name)
			}
			return
		}
		res.Body.Close()
		if res.StatusCode/100 == 2 {
			book.acknowledged(name, sum(content))
		}
	}
}

// TestBrokenUploadKeepsTheOldFile cuts a client's upload in the middle.
func TestBrokenUploadKeepsTheOldFile(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	old := strings.Repeat("old ", 25_000)
	if code, body := s.request(http.MethodPut, "f", strings.NewReader(old)); code != http.StatusCreated {
		t.Fatalf("put answered %d %s", code, body)
	}
	for _, told := range []int64{100_000, 20 << 20, -1} {
		reader, writer := io.Pipe()
		req, err := http.NewRequest(http.MethodPut, s.url+"f", reader)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = told
		go func() {
			_, _ = io.CopyN(writer, &pattern{}, 50_000)
			writer.CloseWithError(errors.New("the client is gone"))
		}()
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			t.Errorf("a broken upload was answered %s", res.Status)
		}
		if code, body := s.request(http.MethodGet, "f", nil); code != http.StatusOK || body != old {
			t.Errorf("after it the file has %d bytes, status %d", len(body), code)
		}
	}
	same(t, "at the disk", stored(disk), map[string]string{"f": sum([]byte(old))})
}
