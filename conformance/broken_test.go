package conformance

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// A bug is planted in an Fs that has none, and must be caught by the case that
// claims to.
type bug struct {
	caught string // ID of the case
	what   string
	plant  func(b *bugFs)
}

// A trial is a bug and what its author declares.
type trial struct {
	bug
	opts []Option
}

func trials() []trial {
	var list []trial
	for _, b := range slices.Concat(openBugs(), readBugs(), seekBugs(), syncAndNameBugs(), closeBugs(), appendBugs(), writeBugs(), truncateBugs(),
		mkdirBugs(), removeBugs(), statBugs(), renameBugs(), readdirBugs(), modeBugs(), timesBugs(), nameBugs(), linkBugs(), concurrentBugs(),
		flagBugs(), hostileNameBugs(), randomBugs(), leakBugs()) {
		list = append(list, trial{bug: b})
	}
	return slices.Concat(list, declarationBugs(), faultBugs())
}

func (b bug) fresh(tb TB) afero.Fs {
	f := newBugFs(quick{tb})
	b.plant(f)
	return f
}

func TestRootedFsPassesEveryCase(t *testing.T) {
	opts := []Option{Effort(50, 40), overFaulty(atomically)}
	if !testing.Short() {
		opts = append(opts, Long())
	}
	Run(t, newRooted, opts...)
	Run(t, bug{plant: func(*bugFs) {}}.fresh, Effort(50, 40))
}

func TestEveryBugIsCaught(t *testing.T) {
	for _, b := range trials() {
		t.Run(b.caught, func(t *testing.T) {
			opts := append([]Option{Only(b.caught), Seed(1), Effort(200, 40), Deadline(5 * time.Second)}, b.opts...)
			var r Report
			for range 20 { // a bug that needs two to meet is not met each time
				r = Check(t.Context(), b.fresh, opts...)
				if len(r.Results) > 0 && r.Results[0].Verdict != Blocked && r.Results[0].Verdict.Bad() {
					return
				}
			}
			t.Errorf("%s: not caught: %+v", b.what, r.Results)
		})
	}
}
