package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestContest lets clients do things to the same names at the same moment,
// again and again. Their responses, and what the disk holds then, must be what
// they would have met one after the other, in some order.
func TestContest(t *testing.T) {
	clients, moments, rounds := 4, 25, 1
	if testlevel.Long() {
		clients, moments, rounds = 5, 200, 10
	}
	for _, what := range []string{"as last seen", "all are operations", "operations in steps", "uploads are late", "revisions by the second", "pages of two"} {
		for range rounds {
			seed := seedOf(t)
			t.Run(fmt.Sprintf("%s, seed %d", what, seed), func(t *testing.T) {
				t.Parallel()
				d := newSubject(t, doubts[what])
				defer d.disk.Close()
				const dir = "/contest"
				may := newBook(t, d.disk, dir).may
				r := rand.New(rand.NewPCG(seed, 0))
				for moment := 0; moment < moments && !t.Failed(); moment++ {
					may = d.contest(may, dir, r, clients, moment)
				}
				d.recovered()
				for name := range found(d.disk, dir) {
					if strings.Contains(name, ".davdisk-") {
						t.Errorf("%s is left behind", name)
					}
				}
			})
		}
	}
}

// contest does several things at once and returns what the disk holds then.
func (d *subject) contest(before worlds, dir string, r *rand.Rand, clients, serial int) worlds {
	deeds, answers := make([]deed, clients), make([]answer, clients)
	var working sync.WaitGroup
	for i := range deeds {
		deeds[i] = anyDeed(r, dir, serial*clients+i)
		working.Go(func() { answers[i] = d.act(deeds[i]) })
	}
	working.Wait()
	is := found(d.disk, dir)
	for _, after := range inAnyOrder(before, deeds, answers) {
		if after.key() == is.key() {
			return worlds{is}
		}
	}
	var told []string
	for i := range deeds {
		told = append(told, fmt.Sprintf("%v: %d %.60q", deeds[i], answers[i].code, answers[i].body))
	}
	d.Errorf("no order of these leads from%v\nto\n\t%s\n%s", before, is.key(), strings.Join(told, "\n"))
	return nil
}

// inAnyOrder are the worlds that deeds with these answers may lead to.
func inAnyOrder(before worlds, deeds []deed, answers []answer) (after worlds) {
	if len(deeds) == 0 {
		return before
	}
	for i := range deeds {
		if next := before.after(deeds[i], answers[i]); len(next) > 0 {
			after = append(after, inAnyOrder(next, without(deeds, i), without(answers, i))...)
		}
	}
	return after
}

func without[T any](all []T, i int) []T {
	return append(append([]T(nil), all[:i]...), all[i+1:]...)
}
