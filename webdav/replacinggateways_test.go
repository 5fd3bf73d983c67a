package webdav

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// TestReplacingStopsAtEachStep stops a gateway before and after each call that it
// makes to replace a folder, and expels it. The two others put right what it has left,
// at once: readers find the old folder or the new one. Half an hour later the
// gateway wakes up, and its call is carried out if it was not before, and what was
// stored meanwhile stays.
func TestReplacingStopsAtEachStep(t *testing.T) {
	oldTree := map[string]string{"in/target/": "", "in/target/k": "old"}
	newTree := map[string]string{"in/target/": "", "in/target/x": "new"}
	steps := map[int]int{}
	for _, method := range []string{"MOVE", "COPY"} {
		for _, cut := range []bool{false, true} {
			for _, carriedOut := range []bool{false, true} {
				for at := 1; ; at++ {
					over := false
					id := fmt.Sprintf("%s, cut %v, step %d, carried out %v", method, cut, at, carriedOut)
					synctest.Test(t, func(t *testing.T) {
						g := newDavGateways(t, 3)
						g.d.cut = cut
						for _, dir := range []string{"/in", "/in/target", "/in/from"} {
							g.want(t, 0, 201, "MKCOL", dir, "")
						}
						g.want(t, 0, 201, "PUT", "/in/target/k", "old")
						g.want(t, 0, 201, "PUT", "/in/from/x", "new")
						g.d.open = false
						answer := make(chan int, 1)
						go func() {
							answer <- serve(g.handlers[0], method, "/in/from", "", "Destination: /in/target").Code
						}()
						for range at - 1 {
							synctest.Wait()
							if len(g.d.pending) == 0 {
								break
							}
							c := g.d.take(0)
							c.answer <- c.run()
						}
						synctest.Wait()
						if over = len(g.d.pending) == 0; over {
							if code := <-answer; code != http.StatusNoContent {
								t.Errorf("%s: answered %d", id, code)
							}
							return
						}
						steps[at]++
						late := g.d.take(0)
						if carriedOut {
							if err := late.run(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
								t.Errorf("%s: %v", id, err)
							}
						}
						g.d.open = true
						clear(g.d.sent)
						g.Expel(g.Gateways()[0], false)
						synctest.Wait()
						// The name is read at once, and nobody may change it yet.
						for i := 1; i < 3; i++ {
							body := g.want(t, i, 207, "PROPFIND", "/in", "", "Depth: 1") + g.want(t, i, 207, "PROPFIND", "/in/target", "", "Depth: 1")
							if strings.Contains(body, ".davdisk") {
								t.Errorf("%s: %d lists what is hidden", id, i)
							}
							if hasOld, hasNew := strings.Contains(body, "/in/target/k<"), strings.Contains(body, "/in/target/x<"); hasOld == hasNew {
								t.Errorf("%s: %d has %s", id, i, body)
							}
							g.want(t, i, 423, "PUT", "/in/target/u", "by a user")
						}
						g.d.mu.Lock()
						if n := g.d.sent["1"] + g.d.sent["2"]; n > 4 {
							t.Errorf("%s: the others have made %d changes", id, n)
						}
						g.d.mu.Unlock()
						time.Sleep(31 * time.Minute)
						g.want(t, 1, 201, "PUT", "/in/target/u", "by a user")
						g.want(t, 2, 201, "PUT", "/in/from-user", "by a user")
						late.answer <- late.run()
						if code := <-answer; code < 500 {
							t.Errorf("%s: who slept answered %d", id, code)
						}
						time.Sleep(4 * time.Hour)
						synctest.Wait()
						g.check(t, id, oldTree, newTree)
					})
					if over {
						break
					}
				}
			}
		}
	}
	if len(steps) < 3 {
		t.Errorf("it was stopped at %v", steps)
	}
}

// check looks at what is there in the end.
func (g *davGateways) check(t *testing.T, id string, oldTree, newTree map[string]string) {
	t.Helper()
	all := g.d.files(t, ".")
	has := func(tree map[string]string) bool {
		for name, content := range tree {
			if got, ok := all[name]; !ok || got != content {
				return false
			}
		}
		return true
	}
	contents := slices.Collect(maps.Values(all))
	switch {
	case !has(oldTree) && !has(newTree):
		t.Errorf("%s: there is %q", id, all)
	case !slices.Contains(contents, "new"):
		t.Errorf("%s: the new content is gone: %q", id, all)
	case !slices.Contains(contents, "old") && !strings.Contains(g.Text(), `"kind":"discard"`):
		t.Errorf("%s: the old content is gone: %q", id, all)
	case all["in/target/u"] != "by a user" || all["in/from-user"] != "by a user":
		t.Errorf("%s: what was stored meanwhile is gone: %q", id, all)
	}
	for name := range all {
		if strings.Contains(name, ".davdisk-") {
			t.Errorf("%s: %s is left", id, name)
		}
	}
}

// TestReplacingEndsWithItsMembership has a gateway expelled and join again while it
// replaces a folder: it does not go on, and removes nothing, in the new membership.
func TestReplacingEndsWithItsMembership(t *testing.T) {
	for _, method := range []string{"MOVE", "COPY"} {
		for at := 1; ; at++ {
			over := false
			synctest.Test(t, func(t *testing.T) {
				g := newDavGateways(t, 1)
				for _, dir := range []string{"/target", "/from"} {
					g.want(t, 0, 201, "MKCOL", dir, "")
				}
				g.want(t, 0, 201, "PUT", "/target/k", "old")
				g.d.open = false
				answer := make(chan int, 1)
				go func() { answer <- serve(g.handlers[0], method, "/from", "", "Destination: /target").Code }()
				for range at - 1 {
					synctest.Wait()
					if len(g.d.pending) > 0 {
						c := g.d.take(0)
						c.answer <- c.run()
					}
				}
				synctest.Wait()
				if over = len(g.d.pending) == 0; over {
					<-answer
					return
				}
				discarding := strings.Contains(g.Text(), `"kind":"discard"`)
				g.Expel(g.Gateways()[0], true)
				_, err := g.d.store.Stat(t.Context(), "target")
				stored := err == nil
				if stored { // as by another gateway
					if _, err := g.d.store.Put(t.Context(), "target/u", strings.NewReader("by a user"), backend.PutOptions{Size: -1}); err != nil {
						t.Fatal(err)
					}
				}
				g.d.release()
				if code := <-answer; code < 500 {
					t.Errorf("%s, step %d: answered %d", method, at, code)
				}
				time.Sleep(4 * time.Hour)
				synctest.Wait()
				contents := slices.Collect(maps.Values(g.d.files(t, ".")))
				if !discarding && !slices.Contains(contents, "old") {
					t.Errorf("%s, step %d: the old folder is gone", method, at)
				}
				if stored && !slices.Contains(contents, "by a user") {
					t.Errorf("%s, step %d: what was stored meanwhile is gone", method, at)
				}
			})
			if over {
				break
			}
		}
	}
}

// A move aside that its gateway had sent before it was expelled is carried out late:
// readers of the name are then shown the old folder, and its place is given back.
// A store that goes on with moves by itself may take longer.
func TestMovedAsideLate(t *testing.T) {
	for name, test := range map[string]struct {
		as   func(*sender) backend.Backend
		late time.Duration
	}{
		"one step":        {func(s *sender) backend.Backend { return s }, 29 * time.Minute},
		"goes on by self": {func(s *sender) backend.Backend { return movesAlone{cannotMove{s}} }, 23 * time.Hour},
	} {
		for _, ask := range []struct{ method, name, depth string }{
			{"PROPFIND", "/target", "0"}, {"PROPFIND", "/target", "1"}, {"PROPFIND", "/", "1"}, {"GET", "/target/k", ""}, {"PUT", "/target/k", ""}, {"MKCOL", "/target", ""},
		} {
			synctest.Test(t, func(t *testing.T) {
				g := newDavGatewaysOf(t, 2, test.as)
				g.want(t, 0, 201, "MKCOL", "/target", "")
				g.want(t, 0, 201, "MKCOL", "/from", "")
				g.want(t, 0, 201, "PUT", "/target/k", "old")
				g.d.open = false
				done := make(chan int, 1)
				go func() { done <- serve(g.handlers[0], "MOVE", "/from", "", "Destination: /target").Code }()
				synctest.Wait()
				c := g.d.take(0)
				g.Expel(g.Gateways()[0], false)
				g.d.open = true
				synctest.Wait()
				time.Sleep(test.late)
				if err := c.run(); err != nil {
					t.Fatal(err)
				}
				id := fmt.Sprintf("%s, %s %s", name, ask.method, ask.name)
				a := serve(g.handlers[1], ask.method, ask.name, "", "Depth: "+ask.depth)
				if a.Code == http.StatusNotFound || a.Code == http.StatusCreated || strings.Contains(a.Body.String(), ".davdisk") ||
					ask.method == "PROPFIND" && !strings.Contains(a.Body.String(), "/target") {
					t.Errorf("%s: answered %d %s", id, a.Code, a.Body)
				}
				g.want(t, 1, 200, "GET", "/target/k", "") // a change may have been refused before
				if all := g.d.files(t, "."); len(all) != 3 || !slices.Contains(slices.Collect(maps.Keys(all)), "target/k") {
					t.Errorf("%s: there is %q", id, all)
				}
				c.answer <- c.run()
				if code := <-done; code < 500 {
					t.Errorf("%s: who slept answers %d", id, code)
				}
				time.Sleep(25 * time.Hour)
			})
		}
	}
}

// asking notes how it is asked to move.
type asking struct {
	*memory.Backend
	moves []string
}

func (a *asking) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	a.moves = append(a.moves, fmt.Sprintf("%.4s %.4s %v", from, to, opts.Once))
	return a.Backend.Move(ctx, from, to, opts)
}

// The move aside is asked for once: what comes twice could move the new folder to where
// the old one is removed.
func TestMoveAsideIsAskedForOnce(t *testing.T) {
	_, engines := gatewaytest.New(t, 1)
	b := &asking{Backend: memory.New(memory.Options{})}
	h := storeGateway(t, b, engines[0])
	for _, dir := range []string{"/from", "/target"} {
		if a := serve(h, "MKCOL", dir, ""); a.Code != http.StatusCreated {
			t.Fatal(a.Code)
		}
	}
	if a := serve(h, "MOVE", "/from", "", "Destination: /target"); a.Code != http.StatusNoContent {
		t.Errorf("answered %d", a.Code)
	}
	if want := []string{"targ .dav true", "from targ false"}; !slices.Equal(b.moves, want) {
		t.Errorf("it was asked for %q, want %q", b.moves, want)
	}
}

// What nobody works on is taken up also by who learns of it by a snapshot.
func TestSnapshotWithWhatNobodyWorksOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newDavGateways(t, 2)
		for _, dir := range []string{"/target", "/from"} {
			g.want(t, 0, 201, "MKCOL", dir, "")
		}
		g.want(t, 0, 201, "PUT", "/target/k", "old")
		g.d.open = false
		go serve(g.handlers[0], "MOVE", "/from", "", "Destination: /target")
		synctest.Wait()
		c := g.d.take(0)
		if err := c.run(); err != nil { // the target is aside
			t.Fatal(err)
		}
		g.d.open = true
		g.Expel(g.Gateways()[1], false) // so that nobody can take it up
		g.Expel(g.Gateways()[0], false)
		synctest.Wait()
		g.Expel(g.Gateways()[1], true)
		synctest.Wait()
		if _, ok := g.d.files(t, ".")["target/k"]; ok {
			t.Fatal("it was taken up before")
		}
		g.Restore(g.Gateways()[0], g.Gateways()[1])
		synctest.Wait()
		if all := g.d.files(t, "."); all["target/k"] != "old" {
			t.Errorf("there is %q", all)
		}
		c.answer <- c.run()
		time.Sleep(4 * time.Hour)
	})
}

// cannotMove is a store whose moves end with its driver.
type cannotMove struct{ *sender }

func (cannotMove) Capabilities() backend.Capabilities {
	return backend.Capabilities{NoAtomicMove: "made by the test"}
}

// Where a move may be cut short with its driver nobody can tell half of one from a
// whole one, and what is left stays with its gateway.
func TestMovesOfDriversStayWithTheirGateway(t *testing.T) {
	for _, alone := range []bool{false, true} {
		log, engines := gatewaytest.New(t, 1)
		d := &director{store: memory.New(memory.Options{}), open: true, sent: map[string]int{}}
		var b backend.Backend = cannotMove{&sender{d.store, d, "0"}}
		if alone {
			b = movesAlone{b.(cannotMove)}
		}
		f, err := vfs.New(b, vfs.WithEngine(engines[0], func() vfs.Member { return engines[0] }))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, dir := range []string{"/from", "/target"} {
			if err := f.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Move("/from", "/target", true); err != nil {
			t.Error(err)
		}
		if noted := log.Entries() > 0; noted != alone {
			t.Errorf("moves alone %v: the log has %s", alone, log.Text())
		}
	}
}

// movesAlone is one whose moves go on without the driver.
type movesAlone struct{ cannotMove }

func (movesAlone) Capabilities() backend.Capabilities {
	return backend.Capabilities{NoAtomicMove: "made by the test", FinishesMoves: true}
}

// What was unfinished when the gateway was alone is completed without removing
// anything but what it had replaced: others may have changed all of it since.
func TestUnfinishedOfTheTimeAlone(t *testing.T) {
	const hidden = ".davdisk-abcdefghij-target"
	for name, test := range map[string]struct {
		entry string
		there []string
		want  []string
	}{
		"a move that was complete":         {`"kind":"move","from":"from","target":"target"`, []string{"target/new", hidden + "/old"}, []string{"target (before abcdefghij)/old", "target/new"}},
		"a move that was not":              {`"kind":"move","from":"from","target":"target"`, []string{"from/new", hidden + "/old"}, []string{"from/new", "target/old"}},
		"a copy":                           {`"kind":"copy","from":"from","target":"target"`, []string{"from/new", "target/of a user", hidden + "/old"}, []string{"from/new", "target (before abcdefghij)/old", "target/of a user"}},
		"what was replaced":                {`"kind":"discard"`, []string{"target/new", hidden + "/old"}, []string{"target/new"}},
		"what was replaced and is no more": {`"kind":"discard"`, []string{"target/new"}, []string{"target/new"}},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			if err := os.Mkdir(filepath.Join(state, "unfinished"), 0o700); err != nil {
				t.Fatal(err)
			}
			entry := `{"id":"abcdefghij",` + test.entry + `,"hidden":"` + hidden + `"}`
			if err := os.WriteFile(filepath.Join(state, "unfinished", "abcdefghij.json"), []byte(entry), 0o600); err != nil {
				t.Fatal(err)
			}
			_, engines := gatewaytest.New(t, 1)
			d := &director{store: memory.New(memory.Options{}), open: true, sent: map[string]int{}}
			for _, file := range test.there {
				if err := d.store.Mkdir(context.Background(), filepath.Dir(file)); err != nil {
					t.Fatal(err)
				}
				if _, err := d.store.Put(context.Background(), file, strings.NewReader("x"), backend.PutOptions{Size: 1}); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				f, err := vfs.New(&sender{d.store, d, "0"}, vfs.WithStateDir(state), vfs.WithEngine(engines[0], func() vfs.Member { return engines[0] }))
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Close(); err != nil { // which waits for what it has taken up
					t.Fatal(err)
				}
				var got []string
				for _, file := range slices.Sorted(maps.Keys(d.files(t, "."))) {
					if !strings.HasSuffix(file, "/") {
						got = append(got, file)
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("there is %q, want %q", got, test.want)
				}
			}
		})
	}
}

// What a restarted gateway finds in its own journal is looked at when it is a member:
// before it does not know what the others have said of it.
func TestUnfinishedWaitsForMembership(t *testing.T) {
	const hidden = ".davdisk-abcdefghij-target"
	synctest.Test(t, func(t *testing.T) {
		state := t.TempDir()
		if err := os.Mkdir(filepath.Join(state, "unfinished"), 0o700); err != nil {
			t.Fatal(err)
		}
		entry := `{"id":"abcdefghij","kind":"move","from":"from","target":"target","hidden":"` + hidden + `"}`
		if err := os.WriteFile(filepath.Join(state, "unfinished", "abcdefghij.json"), []byte(entry), 0o600); err != nil {
			t.Fatal(err)
		}
		_, engines := gatewaytest.New(t, 1)
		d := &director{store: memory.New(memory.Options{}), open: true, sent: map[string]int{}}
		if err := d.store.Mkdir(t.Context(), hidden); err != nil {
			t.Fatal(err)
		}
		var joined atomic.Bool
		f, err := vfs.New(&sender{d.store, d, "0"}, vfs.WithStateDir(state), vfs.WithEngine(engines[0], func() vfs.Member {
			if !joined.Load() {
				return nil
			}
			return engines[0]
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Stat("/target"); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("before it has joined: %v", err)
		}
		time.Sleep(time.Hour)
		if _, there := d.files(t, ".")[hidden+"/"]; !there {
			t.Error("it was put right before")
		}
		joined.Store(true)
		time.Sleep(2 * time.Second)
		if _, there := d.files(t, ".")["target/"]; !there {
			t.Error("it was not put right when it has joined")
		}
	})
}
