package webdav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// A director decides when each change of a store is carried out and answered: by
// chance, twice, or when its gateway is long gone.
type director struct {
	store *memory.Backend
	once  bool // nothing is carried out twice
	cut   bool // copies of folders are made by the gateways, file by file

	mu      sync.Mutex
	sent    map[string]int // calls, by gateway
	open    bool           // everything is carried out at once
	pending []*lateCall
	lost    []*lateCall // answered as of unknown outcome
}

// lateCall is a call that was sent by a gateway.
type lateCall struct {
	by     *sender
	what   string
	do     func() error
	answer chan error
	ran    int
	once   bool // the store carries it out once at most
	first  error
}

// run has the store carry it out, and returns how that ended: the first time, if it
// does so once at most.
func (c *lateCall) run() error {
	if c.ran++; c.once && c.ran > 1 {
		return c.first
	}
	err := c.do()
	if c.ran == 1 {
		c.first = err
	}
	return err
}

// sender is the store as one of the gateways has it.
type sender struct {
	*memory.Backend
	d    *director
	name string
}

func (s *sender) call(what string, once bool, do func() error) error {
	s.d.mu.Lock()
	s.d.sent[s.name]++
	if s.d.open {
		s.d.mu.Unlock()
		return do()
	}
	c := &lateCall{by: s, what: what, do: do, answer: make(chan error), once: once || s.d.once}
	s.d.pending = append(s.d.pending, c)
	s.d.mu.Unlock()
	return <-c.answer
}

func (s *sender) Move(_ context.Context, from, to string, opts backend.MoveOptions) error {
	return s.call("move "+from+" "+to, opts.Once, func() error { return s.Backend.Move(context.Background(), from, to, opts) })
}

func (s *sender) Remove(_ context.Context, name string, opts backend.RemoveOptions) error {
	return s.call("remove "+name, false, func() error { return s.Backend.Remove(context.Background(), name, opts) })
}

func (s *sender) Mkdir(_ context.Context, name string) error {
	return s.call("mkdir "+name, false, func() error { return s.Backend.Mkdir(context.Background(), name) })
}

func (s *sender) Copy(_ context.Context, from, to string, opts backend.CopyOptions) error {
	return s.call("copy "+from+" "+to, false, func() error {
		if info, err := s.Stat(context.Background(), from); s.d.cut && err == nil && info.Dir {
			return backend.LinkError("copy", from, to, errors.ErrUnsupported, "made by the test")
		}
		return s.Backend.Copy(context.Background(), from, to, opts)
	})
}

// Close leaves the store to the others.
func (s *sender) Close() error { return nil }

// heldBy reports whether a gateway is the member that it was when a request began.
func heldBy(e *gatewaytest.Gateway) func(ctx context.Context) bool {
	return func(ctx context.Context) bool {
		was, ok := cluster.EpochOf(ctx)
		return e.Epoch() != 0 && (!ok || was == e.Epoch())
	}
}

// take removes a call from those that are pending.
func (d *director) take(i int) *lateCall {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.pending[i]
	d.pending = slices.Delete(d.pending, i, i+1)
	return c
}

// release carries out everything that is pending, and from now on at once.
func (d *director) release() {
	d.mu.Lock()
	d.open = true
	all := d.pending
	d.pending = nil
	d.mu.Unlock()
	for _, c := range all {
		c.answer <- c.run()
	}
}

// files returns the content of all files below a name, by their names.
func (d *director) files(t *testing.T, below string) map[string]string {
	t.Helper()
	all := map[string]string{}
	_, children, err := d.store.List(t.Context(), below)
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		name := path.Join(below, info.Name)
		if info.Dir {
			all[name+"/"] = ""
			maps.Copy(all, d.files(t, name))
			continue
		}
		content, err := d.store.Open(t.Context(), name, "")
		if err != nil {
			t.Fatal(err)
		}
		body, err := content.Range(t.Context(), 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

// rootsOf returns the names under which a tree is whole, given as its contents by
// names below it; "" is the file itself.
func rootsOf(all, tree map[string]string) (roots []string) {
	for name := range all {
		root := strings.TrimSuffix(name, "/")
		if !slices.ContainsFunc(slices.Collect(maps.Keys(tree)), func(below string) bool {
			got, ok := all[path.Join(root, below)]
			return !ok || got != tree[below]
		}) {
			roots = append(roots, root)
		}
	}
	slices.Sort(roots)
	return roots
}

// replacingTrial is one run of TestReplacingBesideSleepers.
type replacingTrial struct {
	t        *testing.T
	random   *rand.Rand
	d        *director
	log      *gatewaytest.Log
	engines  []*gatewaytest.Gateway
	files    []*vfs.FS
	bounded  bool // late calls come in half an hour at most
	start    time.Time
	history  []string
	owner    int  // who replaces
	lost     bool // its membership has ended since
	finished bool
	outcome  error
	users    sync.WaitGroup
	mu       sync.Mutex
	stored   []string // by users, meanwhile
	moved    bool     // users have moved the target
	missing  []string // what a reader was told to be missing
}

func (r *replacingTrial) did(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, fmt.Sprintf("%v ", time.Since(r.start).Round(time.Second))+fmt.Sprintf(format, args...))
}

// step lets something happen.
func (r *replacingTrial) step() {
	synctest.Wait()
	d := r.d
	d.mu.Lock()
	pending, lost := len(d.pending), len(d.lost)
	d.mu.Unlock()
	switch n := r.random.IntN(100); {
	case n < 45 && pending > 0: // it is carried out and answered
		c := d.take(r.random.IntN(pending))
		err := c.run()
		r.did("%s: %s: %v", c.by.name, c.what, err)
		c.answer <- err
	case n < 53 && pending > 0: // it is carried out and not answered yet
		c := d.pending[r.random.IntN(pending)]
		r.did("%s: %s, unanswered: %v", c.by.name, c.what, c.run())
	case n < 58 && pending > 0: // nobody knows
		c := d.take(r.random.IntN(pending))
		if r.random.IntN(2) == 0 {
			r.did("%s: %s, unknown: %v", c.by.name, c.what, c.run())
		} else {
			r.did("%s: %s, unknown", c.by.name, c.what)
		}
		d.lost = append(d.lost, c)
		c.answer <- &backend.Error{Kind: backend.ErrUncertain, Message: "made by the test"}
	case n < 64 && lost > 0:
		c := d.lost[r.random.IntN(lost)]
		r.did("%s: %s, late: %v", c.by.name, c.what, c.run())
	case n < 74: // a gateway falls asleep, and may find itself a member again; the last one never
		i := r.random.IntN(len(r.engines) - 1)
		again := r.random.IntN(2) == 0
		r.did("%d is expelled, again %v", i, again)
		r.lost = r.lost || i == r.owner
		r.log.Expel(r.engines[i], again)
	case n < 78: // a snapshot takes the place of entries
		i := r.random.IntN(len(r.engines) - 1)
		r.did("%d gets a snapshot", i)
		r.log.Restore(r.engines[len(r.engines)-1], r.engines[i])
	case n < 86:
		most := 45 * time.Minute
		if r.bounded {
			most = max(0, min(time.Minute, r.start.Add(25*time.Minute).Sub(time.Now())))
		}
		time.Sleep(time.Duration(r.random.Int64N(int64(most) + 1)))
	case n < 92:
		r.read(r.random.IntN(len(r.files)))
	case r.lost || r.finished: // nobody has the names any more
		r.use()
	}
}

// read looks whether the target is there, at a gateway.
func (r *replacingTrial) read(at int) {
	moved := r.moved
	r.users.Go(func() {
		_, err := r.files[at].Stat("/in/target")
		if errors.Is(err, fs.ErrNotExist) && !moved {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.missing = append(r.missing, fmt.Sprintf("%d at %v", at, time.Since(r.start)))
		}
	})
}

// use has a user do something at the gateway that never sleeps.
func (r *replacingTrial) use() {
	f, n := r.files[len(r.files)-1], len(r.history)
	if !r.bounded && r.random.IntN(4) == 0 {
		r.moved = true
		r.users.Go(func() {
			err := f.Move("/in/target", fmt.Sprintf("/in/kept%d", n), false)
			if err == nil {
				err = f.Mkdir("/in/target", 0o777)
			}
			r.did("a user moves the target to kept%d: %v", n, err)
		})
		return
	}
	name := []string{"/in/target/", "/in/from/", "/in/"}[r.random.IntN(3)] + fmt.Sprint("user", n)
	r.users.Go(func() {
		content := fmt.Sprint("by a user ", n)
		_, err := f.Put(name, strings.NewReader(content), int64(len(content)), time.Time{}, "", true)
		r.did("a user stores %s: %v", name, err)
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.stored = append(r.stored, content)
		}
	})
}

// trees are what is replaced by what, by names below it.
var trees = []struct{ old, new map[string]string }{
	{map[string]string{"k": "old", "sub/k": "old below"}, map[string]string{"x": "new", "y/x": "new below"}},
	{map[string]string{"": "old"}, map[string]string{"x": "new", "y/x": "new below"}},
	{map[string]string{"k": "old", "sub/k": "old below"}, map[string]string{"": "new"}},
	{map[string]string{}, map[string]string{"x": "new", "y/x": "new below"}}, // a free name
}

func (r *replacingTrial) fill(name string, tree map[string]string) {
	for _, below := range slices.Sorted(maps.Keys(tree)) {
		at := path.Join(name, below)
		for _, dir := range []string{path.Dir(path.Dir(at)), path.Dir(at)} {
			if err := r.d.store.Mkdir(r.t.Context(), dir); err != nil && !errors.Is(err, fs.ErrExist) {
				r.t.Fatal(err)
			}
		}
		if _, err := r.d.store.Put(r.t.Context(), at, strings.NewReader(tree[below]), backend.PutOptions{Size: -1}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestReplacingBesideSleepers has folders replaced by one of three gateways, which
// fall asleep, wake up and go on at any of their steps, and whose calls the store
// carries out late, or twice. Whatever comes, the old tree or the new one is there,
// the new one is not lost, and what users have stored meanwhile is all there. If
// nothing is later than half an hour, nor carried out twice, the one or the other has the name, nobody is
// told that it is missing, and nothing is left hidden.
func TestReplacingBesideSleepers(t *testing.T) {
	trials := 600
	if testlevel.Long() {
		trials = 20_000
	}
	first := uint64(time.Now().UnixNano())
	t.Logf("seed %d", first)
	replaced, kept, discarded := 0, 0, 0
	for i := range trials {
		synctest.Test(t, func(t *testing.T) {
			r := runReplacing(t, first+uint64(i))
			switch {
			case r.outcome == nil:
				replaced++
			default:
				kept++
			}
			if strings.Contains(r.log.Text(), `"kind":"discard"`) {
				discarded++
			}
			if t.Failed() {
				t.Logf("seed %d:\n%s", first+uint64(i), strings.Join(r.history, "\n"))
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%d trials: %d were answered well, %d not; in %d the old was removed", trials, replaced, kept, discarded)
	if replaced == 0 || kept == 0 || discarded == 0 || discarded == trials {
		t.Error("not everything was tried")
	}
}

func runReplacing(t *testing.T, seed uint64) *replacingTrial {
	random := rand.New(rand.NewPCG(seed, 7))
	log, engines := gatewaytest.New(t, 3)
	r := &replacingTrial{
		t: t, random: random, log: log, engines: engines, start: time.Now(),
		d:       &director{store: memory.New(memory.Options{}), sent: map[string]int{}, cut: random.IntN(2) == 0, open: true},
		bounded: random.IntN(2) == 0, owner: random.IntN(2),
	}
	tree, copying := trees[random.IntN(len(trees))], random.IntN(2) == 0
	r.d.once = r.bounded
	r.did("%v, copying %v by %d, cut %v, bounded %v", tree, copying, r.owner, r.d.cut, r.bounded)
	r.fill("in/target", tree.old)
	r.fill("in/from", tree.new)
	for i, e := range engines {
		member := func() vfs.Member {
			if e.Epoch() == 0 {
				return nil
			}
			return e
		}
		f, err := vfs.New(&sender{r.d.store, r.d, fmt.Sprint(i)}, vfs.WithEngine(e, member), vfs.WithAgreement(heldBy(e)), vfs.WithDirCache(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r.files = append(r.files, f)
	}
	r.d.open = false
	done := make(chan error, 1)
	go func() {
		f := r.files[r.owner].WithContext(cluster.WithEpoch(t.Context(), engines[r.owner].Epoch())).(*vfs.FS)
		if copying {
			done <- f.Copy("/in/from", "/in/target", true, -1)
		} else {
			done <- f.Move("/in/from", "/in/target", true)
		}
	}()
	for range 20 + random.IntN(80) {
		select {
		case r.outcome = <-done:
			r.did("it is answered with %v", r.outcome)
			r.finished = true
		default:
		}
		r.step()
	}
	r.did("all wake up")
	r.d.release()
	for _, e := range engines {
		if e.Epoch() == 0 {
			log.Expel(e, true)
		}
	}
	if !r.finished {
		r.outcome = <-done
		r.did("it is answered with %v", r.outcome)
	}
	r.users.Wait()
	for range 3 { // late calls go on
		for _, c := range r.d.lost {
			if !r.bounded && random.IntN(2) == 0 {
				r.did("%s: %s, very late: %v", c.by.name, c.what, c.run())
			}
		}
		time.Sleep(4 * time.Hour)
		synctest.Wait()
	}
	r.check(tree.old, tree.new, copying)
	return r
}

// check looks at what is there in the end.
func (r *replacingTrial) check(old, new map[string]string, copying bool) {
	t, all := r.t, r.d.files(r.t, ".")
	wholeOld, wholeNew := rootsOf(all, old), rootsOf(all, new)
	for _, content := range r.stored {
		if !slices.Contains(slices.Collect(maps.Values(all)), content) {
			t.Errorf("what a user stored is gone: %s", content)
		}
	}
	discarded := strings.Contains(r.log.Text(), `"kind":"discard"`)
	switch {
	case len(wholeNew) == 0:
		t.Error("the new tree is not there as a whole")
	case copying && !slices.Contains(wholeNew, "in/from"):
		t.Error("the source of a copy is not there as a whole")
	case len(wholeOld) == 0 && !discarded:
		t.Error("the old tree is not there as a whole")
	case r.outcome == nil && !r.moved && r.bounded && !slices.Contains(wholeNew, "in/target"):
		t.Error("it was answered well, and the new tree is not there")
	}
	if r.bounded {
		if len(old) > 0 && !slices.Contains(wholeOld, "in/target") && !slices.Contains(wholeNew, "in/target") {
			t.Error("neither the old nor the new tree has the name")
		}
		for name := range all {
			if ownname.Is(strings.TrimSuffix(name, "/")) {
				t.Errorf("%s is left", name)
			}
		}
		if len(old) > 0 && len(r.missing) > 0 {
			t.Errorf("the name was told to be missing: %v", r.missing)
		}
	}
	if t.Failed() {
		t.Logf("there is %q", all)
	}
}
