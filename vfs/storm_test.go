package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
)

// The storm has eight goroutines do everything at once that a file system can
// do, in rounds. What each of them may see meanwhile follows from a model:
//
//   - Some names have an owner, who alone changes them and so knows what is
//     there; others see that, or what it was or becomes (ledger).
//   - Tokens are files that everybody moves about and nobody removes: none is
//     lost or doubled.
//   - In one file each goroutine writes a part of its own: what was stored by a
//     Close that succeeded stays.
//   - Everything else is changed by all. Whatever is read there is one content,
//     whole.
//
// Names of davdisk's own are never seen, and the store is never asked for two
// changes of one name at once (stormStore). After each round, what the file
// system shows is what the store has.
//
// DAVDISK_SEED repeats the choice of operations, not how they overlap.
func TestStorm(t *testing.T) {
	length := 20 * time.Second
	if testlevel.Long() {
		length = 15 * time.Minute
	}
	storms(t, length, 60, func(int) backend.Backend { return memory.New(memory.Options{}) })
}

// TestStormYandex is the storm over the driver for Yandex Disk.
func TestStormYandex(t *testing.T) {
	testlevel.NeedLong(t)
	srv := startEmulator(t, emulator.Options{})
	disk := connect(t, srv, yandex.Config{})
	storms(t, 5*time.Minute, 20, func(round int) backend.Backend {
		root := fmt.Sprintf("round-%d", round)
		if err := disk.Mkdir(t.Context(), root); err != nil {
			t.Fatal(err)
		}
		return connect(t, srv, yandex.Config{Root: root, StateDir: t.TempDir()})
	})
}

// storms has rounds of so many operations a goroutine until the time is over.
func storms(t *testing.T, length time.Duration, steps int, open func(round int) backend.Backend) {
	seed := stormSeed(t)
	t.Logf("DAVDISK_SEED=%d", seed)
	rounds, done := 0, 0
	for start := time.Now(); time.Since(start) < length && !t.Failed(); rounds++ {
		s := newStorm(t, rand.New(rand.NewPCG(seed, uint64(rounds))), open(rounds))
		s.blow(steps)
		s.judge()
		done += int(s.done.Load())
	}
	t.Logf("%d rounds, %d operations", rounds, done)
}

func stormSeed(t *testing.T) uint64 {
	given := os.Getenv("DAVDISK_SEED")
	if given == "" {
		return rand.Uint64()
	}
	var seed uint64
	if _, err := fmt.Sscan(given, &seed); err != nil {
		t.Fatal(err)
	}
	return seed
}

const stormers = 8

// storm is one round.
type storm struct {
	t       *testing.T
	store   backend.Backend
	judging *stormStore
	f       *vfs.FS
	ledger  *ledger
	shared  sharedHandles
	done    atomic.Int64 // operations that succeeded
	number  atomic.Uint64
	g       [stormers]*stormer

	writeBack bool // files are stored after Close and Put
}

// stormer is one goroutine of a storm.
type stormer struct {
	*storm
	id     int
	random *rand.Rand
	ctx    context.Context
	cancel context.CancelFunc
	bound  *vfs.FS           // bound to ctx
	has    map[string]string // what is under the names that it owns
	slot   []string          // what its part of the file of all may be
	others sync.WaitGroup
}

func newStorm(t *testing.T, random *rand.Rand, b backend.Backend) *storm {
	judging := newStormStore(t, b)
	s := &storm{t: t, store: b, judging: judging, ledger: newLedger()}
	var behind backend.Backend = judging
	if random.IntN(3) == 0 {
		behind = filesOnly{judging}
	}
	var opts []vfs.Option
	switch random.IntN(4) {
	case 0:
		opts = append(opts, vfs.WithDirCache(0, 0))
	case 1:
		opts = append(opts, vfs.WithDirCache(time.Minute, 8))
	case 2:
		opts = append(opts, vfs.WithPollInterval(time.Microsecond))
	}
	if random.IntN(2) == 0 {
		opts = append(opts, vfs.WithCacheDir(t.TempDir(), 1<<20))
	}
	if random.IntN(4) == 0 {
		s.writeBack = true
		opts = append(opts, vfs.WithStateDir(t.TempDir()), vfs.WithWriteBack(64<<20))
	}
	s.f = newFS(t, behind, opts...)
	for _, dir := range []string{"/own", "/any", "/tokens", "/tokens/a", "/tokens/b"} {
		if err := s.f.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s.f, "/still", still)
	write(t, s.f, "/slots", strings.Repeat(" ", stormers*slotSize))
	for i := range tokens {
		write(t, s.f, fmt.Sprintf("/tokens/t%d", i), fmt.Sprintf("token %d", i))
	}
	for i := range s.g {
		g := &stormer{storm: s, id: i, random: rand.New(rand.NewPCG(random.Uint64(), 0)), has: map[string]string{}, slot: []string{strings.Repeat(" ", slotSize)}}
		s.g[i] = g
		for _, name := range g.own() {
			g.has[name] = absent
			s.ledger.is(name, absent)
		}
	}
	return s
}

// blow has all goroutines do so many operations each.
func (s *storm) blow(steps int) {
	var all sync.WaitGroup
	for _, g := range s.g {
		all.Go(func() {
			for range steps {
				g.step()
			}
		})
	}
	all.Wait()
	s.shared.close()
}

// step does one operation, bound to a context that ends amid some of them.
func (g *stormer) step() {
	g.ctx, g.cancel = context.WithCancel(g.t.Context())
	defer g.cancel()
	g.bound = g.f.WithContext(g.ctx).(*vfs.FS)
	if g.random.IntN(6) == 0 {
		cancel, after := g.cancel, g.random.IntN(4)
		g.others.Go(func() {
			for range after {
				linger()
			}
			cancel()
		})
	}
	defer g.others.Wait()
	switch n := g.random.IntN(20); {
	case n < 7:
		g.changeOwn()
	case n < 12:
		g.watch()
	case n < 14:
		g.moveTokens()
	case n < 16:
		g.changeAny()
	case n < 18:
		g.writeSlot()
	default:
		g.shared.use(g)
	}
}

// judge compares, when nothing is going on, what the file system shows with what
// the store has, and both with the model.
func (s *storm) judge() {
	waitStored(s.t, s.f) // at once without write-back
	bare := newFS(s.t, noClose{s.store}, vfs.WithDirCache(0, 0))
	shown, stored := tree(s.t, s.f), tree(s.t, bare)
	if shown != stored {
		s.t.Errorf("shown is\n%s\nand stored is\n%s", shown, stored)
	}
	if strings.Contains(stored, ownname.Prefix) {
		s.t.Errorf("something hidden is left: %s", stored)
	}
	found := map[string]int{}
	err := afero.Walk(bare, "/", func(name string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		here, err := s.f.Stat(name)
		switch {
		case err != nil:
			return err
		case here.Size() != info.Size() || here.IsDir() != info.IsDir() || here.(*vfs.FileInfo).ETag() != info.(*vfs.FileInfo).ETag():
			s.t.Errorf("%s is shown as %+v and stored as %+v", name, here, info)
		}
		if info.IsDir() {
			return nil
		}
		content := read(s.t, bare, name)
		if strings.HasPrefix(name, "/tokens/") {
			found[content]++
		}
		if strings.HasPrefix(name, "/any/") && content != "" && !isWhole(content) {
			s.t.Errorf("%s is %q, which nobody has written", name, content)
		}
		return nil
	})
	if err != nil {
		s.t.Error(err)
	}
	for i := range tokens {
		if n := found[fmt.Sprintf("token %d", i)]; n != 1 {
			s.t.Errorf("token %d is there %d times", i, n)
		}
	}
	slots := read(s.t, bare, "/slots")
	for _, g := range s.g {
		for name, want := range g.has {
			if got := seen(bare, name); got != want {
				s.t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if got := slots[g.id*slotSize:][:slotSize]; !slices.Contains(g.slot, got) {
			s.t.Errorf("of %d is stored %q, want one of %q", g.id, got, g.slot)
		}
	}
	s.end()
	if err := bare.Close(); err != nil {
		s.t.Error(err)
	}
}

// end closes the file system while files are stored: each is stored, or refused
// because it is closed.
func (s *storm) end() {
	var all sync.WaitGroup
	errs := make([]error, stormers)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = s.f.Put(fmt.Sprintf("/last%d", i), strings.NewReader("last"), 4, time.Time{}, "", false)
		})
	}
	linger()
	if err := s.f.Close(); err != nil {
		s.t.Error(err)
	}
	all.Wait()
	if n := s.judging.opened.Load(); n != 0 {
		s.t.Errorf("%d contents are still open", n)
	}
	for i, err := range errs {
		_, missing := s.store.Stat(s.t.Context(), fmt.Sprintf("last%d", i))
		if (err == nil) != (missing == nil) || err != nil && !errors.Is(err, fs.ErrClosed) {
			s.t.Errorf("a file that was stored while the file system was closed: %v, and then %v", err, missing)
		}
	}
}

// noClose is a store that stays open.
type noClose struct{ backend.Backend }
