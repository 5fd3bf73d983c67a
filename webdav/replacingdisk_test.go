package webdav

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// laterClock is the clock of an emulator that a test puts forward.
type laterClock struct {
	mu sync.Mutex
	by time.Duration
}

func (c *laterClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *laterClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// killing is a service as a gateway has it that is killed at one of its requests, and
// another, whose changes are counted.
type killing struct {
	mu         sync.Mutex
	on, dead   bool
	at         int // the request, from 1
	carriedOut bool
	sent       int
	changes    []string // of the other one
	last, kill func()   // before and after the last request
}

func (k *killing) pass(gateway int, req *http.Request) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case !k.on:
		return nil
	case gateway != 0:
		if req.Method != http.MethodGet {
			// What is refused while an operation goes on is sent again.
			if change := req.Method + " " + req.URL.String(); !slices.Contains(k.changes, change) {
				k.changes = append(k.changes, change)
			}
		}
		return nil
	case k.dead:
		return errors.New("it was killed")
	}
	if k.sent++; k.sent < k.at {
		return nil
	}
	if k.last(); k.carriedOut {
		resp, err := http.DefaultTransport.RoundTrip(req.Clone(req.Context()))
		if err != nil {
			return err
		}
		resp.Body.Close()
	}
	k.dead = true
	k.kill()
	return errors.New("it is killed")
}

var hrefs = regexp.MustCompile(`<D:href>([^<]*)</D:href>`)

// seenAt returns the files below a folder as a gateway lists them, and reports whether
// it does.
func seenAt(t *testing.T, h *Handler, disk *emulator.Server, folder string) (map[string]string, int) {
	t.Helper()
	a := serve(h, "PROPFIND", folder, "", "Depth: 1")
	if a.Code != http.StatusMultiStatus {
		return nil, a.Code
	}
	all := map[string]string{}
	for _, found := range hrefs.FindAllStringSubmatch(a.Body.String(), -1)[1:] {
		name, err := url.PathUnescape(found[1])
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			below, code := seenAt(t, h, disk, strings.TrimSuffix(found[1], "/"))
			if code != http.StatusMultiStatus {
				return nil, code
			}
			for name, content := range below {
				all[name] = content
			}
			all[name] = ""
			continue
		}
		content, err := disk.ReadFile(name)
		if err != nil {
			t.Errorf("%s is listed: %v", name, err)
		}
		all[name] = string(content)
	}
	return all, a.Code
}

// TestReplacingOnADiskIsKilledAtEachRequest kills a gateway at each request that it
// sends to the service to replace a folder, which the service carries out or not, at
// once or in the midst of it, or a minute later. The other shows the old folder or the
// new one, or 503 while the service is still at it.
func TestReplacingOnADiskIsKilledAtEachRequest(t *testing.T) {
	for _, method := range []string{"MOVE", "COPY"} {
		for name, knobs := range map[string]emulator.Knobs{
			"at once":   {},
			"later":     {OperationDelay: time.Minute},
			"gradually": {OperationPolls: 2, OperationGradual: true},
		} {
			for _, carriedOut := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s, carried out %v", method, name, carriedOut), func(t *testing.T) {
					t.Parallel()
					for at := 1; killedAt(t, method, at, knobs, carriedOut); at++ {
						if at > 60 {
							t.Fatal("it never ends")
						}
					}
				})
			}
		}
	}
}

// killedAt reports whether the gateway has sent as many requests.
func killedAt(t *testing.T, method string, at int, knobs emulator.Knobs, carriedOut bool) bool {
	clock := &laterClock{}
	k := &killing{at: at, carriedOut: carriedOut}
	all, log, disk := diskGateways(t, 2, emulator.Options{Now: clock.now}, k.pass)
	set := func(to emulator.Knobs) { disk.SetKnobs(func(now *emulator.Knobs) { *now = to }) }
	k.last = func() { set(knobs) }
	k.kill = func() {
		set(emulator.Knobs{OperationPolls: knobs.OperationPolls, OperationGradual: knobs.OperationGradual})
		log.Expel(log.Gateways()[0], false)
	}
	for _, dir := range []string{"/in", "/in/target", "/in/from"} {
		if a := serve(all[0], "MKCOL", dir, ""); a.Code != http.StatusCreated {
			t.Fatal(a.Code)
		}
	}
	for name, content := range map[string]string{"/in/target/k": "old", "/in/target/l": "old", "/in/from/x": "new", "/in/from/y": "new"} {
		if a := serve(all[0], "PUT", name, content); a.Code != http.StatusCreated {
			t.Fatal(a.Code)
		}
	}
	set(emulator.Knobs{OperationPolls: knobs.OperationPolls, OperationGradual: knobs.OperationGradual})
	k.mu.Lock()
	k.on = true
	k.mu.Unlock()
	a := serve(all[0], method, "/in/from", "", "Destination: /in/target")
	k.mu.Lock()
	dead := k.dead
	k.mu.Unlock()
	if !dead && a.Code != http.StatusNoContent {
		t.Errorf("answered %d %s", a.Code, a.Body)
	}
	if dead && a.Code < 500 {
		t.Errorf("step %d: who was killed answers %d", at, a.Code)
	}
	if !dead {
		return false
	}
	for _, when := range []string{"at once", "later"} {
		if there, code := seenAt(t, all[1], disk, "/in"); code != http.StatusServiceUnavailable || when == "later" {
			checkReplaced(t, fmt.Sprintf("step %d, %s", at, when), there, code)
		}
		clock.pass(5 * time.Minute)
	}
	there, _ := seenAt(t, all[1], disk, "/in")
	old, discarded := 0, strings.Contains(log.Text(), `"kind":"discard"`)
	for name, content := range there {
		if content == "old" && path.Base(name) == "k" {
			old++
		}
	}
	if old == 0 && !discarded {
		t.Errorf("step %d: the old folder is gone: %q", at, there)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.changes) > 3 {
		t.Errorf("step %d: the other gateway has sent %q", at, k.changes)
	}
	return true
}

// checkReplaced looks whether the old folder or the new one has the name.
func checkReplaced(t *testing.T, id string, there map[string]string, code int) {
	t.Helper()
	both := map[string]bool{}
	for _, name := range []string{"k", "l", "x", "y"} {
		if _, ok := there["/in/target/"+name]; ok {
			both[name] = true
		}
	}
	isOld, isNew := both["k"] && both["l"], both["x"] && both["y"]
	if code != http.StatusMultiStatus || isOld == isNew || len(both) != 2 {
		t.Errorf("%s: %d, there is %q", id, code, there)
	}
	for name := range there {
		if strings.Contains(name, ".davdisk-") {
			t.Errorf("%s: %s is listed", id, name)
		}
	}
}
