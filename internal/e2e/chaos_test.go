package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestFaultsUnderLoad lets clients write, move, copy, delete and read while
// one request in eight to the service fails in one way or another, before or
// after it took effect. Each client has a file of its own and knows what may
// be in it: what was answered with success, or, after a failure, that or what
// was tried since. A file that is there is never said to be missing, and no
// answer ever shows a mixture.
func TestFaultsUnderLoad(t *testing.T) {
	lasting := 30 * time.Second
	if testlevel.Long() {
		lasting = 10 * time.Minute
	}
	disk := startDisk(t, emulator.Options{Knobs: emulator.Knobs{OperationPolls: 1}})
	s := serve(t, disk)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	disk.InjectRandom(emulator.RandomFaults{Rate: 0.12, Seed: seed})

	ctx, cancel := context.WithTimeout(t.Context(), lasting)
	defer cancel()
	var done, failed atomic.Int64
	var clients sync.WaitGroup
	users := make([]*user, 6)
	for i := range users {
		users[i] = &user{T: t, url: s.url, random: rand.New(rand.NewPCG(seed, uint64(i))), name: fmt.Sprintf("user %d Ж.txt", i), may: map[string]bool{"": true}}
		clients.Go(func() {
			for ctx.Err() == nil && !t.Failed() {
				if users[i].step(ctx) {
					done.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	clients.Wait()
	disk.ClearFaults()
	t.Logf("%d requests were answered with success, %d were not", done.Load(), failed.Load())
	if done.Load() < 50 {
		t.Error("hardly anything was done: this run shows nothing")
	}
	s.stop()
	now := stored(disk)
	for _, u := range users {
		if !u.may[now[u.name]] {
			t.Errorf("%s holds what it must not: %q", u.name, now[u.name])
		}
		delete(now, u.name)
	}
	for name := range now {
		t.Errorf("%s was left behind", name)
	}
}

// A user has one file, which is in one of several states.
type user struct {
	*testing.T
	url    string
	random *rand.Rand
	name   string
	may    map[string]bool // MD5 of what it may hold; "" is no file
	n      int
}

// step does one thing and judges the answer. It reports whether it was done.
func (u *user) step(ctx context.Context) bool {
	switch u.random.IntN(5) {
	case 0, 1:
		u.n++
		content := fmt.Sprintf("%s version %d\n%s", u.name, u.n, strings.Repeat("x", u.random.IntN(50_000)))
		return u.change(ctx, http.MethodPut, content, map[string]bool{sum([]byte(content)): true})
	case 2:
		return u.change(ctx, http.MethodDelete, "", map[string]bool{"": true})
	default:
		return u.look(ctx)
	}
}

// change tries something after which the file is one of then.
func (u *user) change(ctx context.Context, method, content string, then map[string]bool) bool {
	code, _, err := u.request(ctx, method, content)
	switch {
	case err == nil && code/100 == 2:
		u.may = then
		return true
	case err == nil && code == http.StatusNotFound && method == http.MethodDelete:
		if !u.may[""] {
			u.Errorf("%s is there and was said to be missing", u.name)
		}
		u.may = map[string]bool{"": true}
		return true
	case err == nil && code/100 == 4:
		u.Errorf("%s %s was refused with %d", method, u.name, code)
	}
	for state := range then {
		u.may[state] = true
	}
	return false
}

func (u *user) look(ctx context.Context) bool {
	code, body, err := u.request(ctx, http.MethodGet, "")
	switch {
	case err != nil:
		return false
	case code == http.StatusOK:
		if is := sum([]byte(body)); !u.may[is] {
			u.Errorf("%s shows %d bytes that were never whole in it", u.name, len(body))
		}
	case code == http.StatusNotFound:
		if !u.may[""] {
			u.Errorf("%s is there and was said to be missing", u.name)
		}
	case code != http.StatusServiceUnavailable:
		u.Errorf("GET %s answered %d", u.name, code)
	}
	return code != http.StatusServiceUnavailable
}

func (u *user) request(ctx context.Context, method, content string) (int, string, error) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), method, u.url+strings.ReplaceAll(u.name, " ", "%20"), strings.NewReader(content))
	if err != nil {
		u.Error(err)
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}
