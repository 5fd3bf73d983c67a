package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// lies are what the service may say that is not so.
var lies = map[string]func(k *emulator.Knobs){
	"stores half":                 func(k *emulator.Knobs) { k.StoresHalf = true },
	"stores other bytes":          func(k *emulator.Knobs) { k.StoresOther = true },
	"stores half as many others":  func(k *emulator.Knobs) { k.StoresHalf, k.StoresOther = true, true },
	"stores nothing":              func(k *emulator.Knobs) { k.UploadNoEffect = true },
	"operations without effect":   func(k *emulator.Knobs) { k.OperationNoEffect = true },
	"serves other bytes":          func(k *emulator.Knobs) { k.ServesOther = true },
	"serves others, no tag":       func(k *emulator.Knobs) { k.ServesOther, k.NoETag = true, true },
	"serves two versions":         func(k *emulator.Knobs) { k.ServesMixed = true },
	"serves two versions, no tag": func(k *emulator.Knobs) { k.ServesMixed, k.NoETag = true, true },
	"no listing":                  func(k *emulator.Knobs) { k.ListingLost = true },
	"items are null":              func(k *emulator.Knobs) { k.ItemsNull = true },
	"an item is missing":          func(k *emulator.Knobs) { k.ItemsLost = 1 },
	"two items are missing":       func(k *emulator.Knobs) { k.ItemsLost = 2 },
	"no total":                    func(k *emulator.Knobs) { k.TotalLost = true },
	"no size":                     func(k *emulator.Knobs) { k.SizeNull = true },
	"no size of some":             func(k *emulator.Knobs) { k.SizeNull, k.WrongFor = true, "f.txt" },
	"files show late":             func(k *emulator.Knobs) { k.MetadataDelay = 300 * time.Millisecond },
	"properties are lost":         func(k *emulator.Knobs) { k.PatchLost = 5 * time.Second },
}

// A liar is a service that says now this and now that.
type liar struct {
	disk  *emulator.Server
	names []string // of lies

	mu   sync.Mutex
	told map[string]int
}

// turn chooses new lies, often none.
func (l *liar) turn(r *rand.Rand) {
	var chosen []string
	for n := r.IntN(4); n > 0; n-- {
		chosen = append(chosen, l.names[r.IntN(len(l.names))])
	}
	k := emulator.Knobs{WrongEvery: 1 + r.IntN(4)}
	k.Async = []string{"", "always", "never"}[r.IntN(3)]
	k.OperationPolls, k.OperationGradual, k.Upload202 = r.IntN(3), r.IntN(2) == 0, r.IntN(4) == 0
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range chosen {
		lies[name](&k)
		l.told[name]++
	}
	l.disk.SetKnobs(func(is *emulator.Knobs) { *is = k })
}

// TestLiesUnderLoad lets eight clients do all kinds of things at once, each in a
// folder of its own, on a service that says what is not so, in all ways that the
// emulator knows, alone and together, and fails now and then. Each client keeps
// a ledger: what was acknowledged is there, what is shown is what is there, and a
// refusal leaves the old or the new. Where the service has stored something else
// in place of what it was sent, and no temporary name was used, the client was
// told of a failure.
func TestLiesUnderLoad(t *testing.T) {
	const clients = 8
	deeds, during := 12, time.Duration(0)
	if testlevel.Long() {
		deeds, during = 60, 10*time.Minute
	}
	total := map[string]int{}
	never := func() (outcomes []string) {
		for _, what := range []string{"done", "refused", "failed"} {
			if total[what] == 0 {
				outcomes = append(outcomes, what)
			}
		}
		return outcomes
	}
	// Two rounds without any failure are rare, and happen.
	for began, round := time.Now(), 0; round < 2 || time.Since(began) < during || len(never()) > 0 && round < 10; round++ {
		seed := seedOf(t)
		t.Run(fmt.Sprintf("temporary names %v, seed %d", round%2 == 0, seed), func(t *testing.T) {
			told := lieTo(t, seed, clients, deeds, round%2 == 0)
			for what, n := range told {
				total[what] += n
			}
		})
		if t.Failed() {
			return
		}
	}
	t.Log(total)
	for _, what := range never() {
		t.Errorf("nothing was %s: this run shows nothing", what)
	}
	if testlevel.Long() {
		for what := range lies {
			if total[what] == 0 {
				t.Errorf("%q was never so", what)
			}
		}
	}
}

// lieTo is one round. It returns how often each lie was told, and how many
// requests were done, refused and failed.
func lieTo(t *testing.T, seed uint64, clients, deeds int, tempNames bool) map[string]int {
	d := &subject{T: t, disk: plantedDisk(t, emulator.Knobs{}), state: t.TempDir(), tempNames: tempNames}
	d.open()
	defer d.disk.Close()
	l := &liar{disk: d.disk, told: map[string]int{}, names: slices.Sorted(maps.Keys(lies))}
	books := make([]*book, clients)
	for i := range clients {
		books[i] = newBook(t, d.disk, fmt.Sprintf("/client %d", i))
		books[i].torn = !tempNames
	}
	d.disk.InjectRandom(emulator.RandomFaults{Rate: 0.02, Kinds: interruptions, Seed: seed})
	var working sync.WaitGroup
	for i, b := range books {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		working.Go(func() {
			for n := 0; n < deeds && len(b.may) < maxWorlds; n++ {
				if r.IntN(clients) == 0 {
					l.turn(r)
				}
				if !b.note(t, anyDeed(r, b.dir, n), d) {
					return
				}
			}
		})
	}
	working.Wait()
	d.disk.ClearFaults()
	d.disk.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
	d.recovered()
	for _, b := range books {
		b.compare(t, d.disk)
		for code, n := range b.codes {
			switch code / 100 {
			case 2:
				l.told["done"] += n
			case 4:
				l.told["refused"] += n
			default:
				l.told["failed"] += n
			}
		}
	}
	return l.told
}

// torn are the worlds in which the service has stored something else in place
// of what it was sent.
func (d deed) torn(all worlds) worlds {
	if d.method != http.MethodPut {
		return nil
	}
	other := []byte(d.content)
	for i := range other {
		other[i] ^= 0x55
	}
	half := len(other) / 2
	var torn worlds
	for _, content := range []string{d.content[:half], string(other), string(other[:half])} {
		for _, w := range all {
			if _, _, done := d.result(w); done {
				next := maps.Clone(w)
				next[d.path] = sum([]byte(content))
				torn = append(torn, next)
			}
		}
	}
	return torn
}
